// SPDX-License-Identifier: GPL-2.0
/* lockedpages and privvmpages: sums over address spaces, each seen once. */
#include <stdio.h>
#include <unistd.h>

#include "audit.h"
#include "lib/fd.h"

/* The sixth number of statm: private and writable, and stacks */
static uint64_t data_pages(pid_t pid)
{
	unsigned long long n;
	char path[40], text[256];

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (file_read_at(-1, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%*s %*s %*s %*s %*s %llu", &n) != 1)
		return 0;
	return n;
}

void audit_memory(const struct audit_scene *scene, struct audit *audit)
{
	uint64_t page = sysconf(_SC_PAGESIZE), locked = 0, data = 0;

	for (size_t i = 0; i < scene->nr_procs; i++) {
		const struct audit_proc *proc = &scene->proc[i];

		if (proc->same_vm)
			continue;
		locked += audit_status(proc->pid, "\nVmLck:") * 1024 / page;
		data += data_pages(proc->pid);
	}
	audit_set(audit, STOCKVZ_RES_LOCKEDPAGES, AUDIT_EXACT, locked,
		  "segments locked by SHM_LOCK are not seen");
	audit_set(audit, STOCKVZ_RES_PRIVVMPAGES, AUDIT_ABOUT, data,
		  "private and writable, touched or not");
}
