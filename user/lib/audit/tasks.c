// SPDX-License-Identifier: GPL-2.0
/*
 * numproc: tasks, by /proc/PID/task/TID/cgroup. The files cgroup.procs and
 * cgroup.threads leave zombies out, but a zombie's own file still says where it
 * was.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit.h"
#include "lib/fd.h"

static bool is_number(const char *name)
{
	return isdigit((unsigned char)*name);
}

/* In the cgroup or below it. "(deleted)" follows one that was removed. */
static bool is_inside(const char *cgroup, const char *task)
{
	char path[96], text[8192];
	size_t len = strlen(cgroup);
	const char *at;

	snprintf(path, sizeof(path), "/proc/%s/cgroup", task);
	if (file_read_at(-1, path, text, sizeof(text)) < 0)
		return false;
	at = strstr(text, "0::");
	return at && !strncmp(at + 3, cgroup, len) && strchr("/ \n", at[3 + len]);
}

/* The first letter behind the name, which may hold anything */
static char state_of(const char *task)
{
	char path[96], text[1024];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%s/stat", task);
	if (file_read_at(-1, path, text, sizeof(text)) < 0)
		return 'X';
	at = strrchr(text, ')');
	return at && at[1] ? at[2] : 'X';
}

/* Where the kernel put its own page is chance, and made anew by each exec(). */
static uint64_t lineage_of(pid_t pid)
{
	uint64_t start = pid;
	char path[40], *line = NULL;
	size_t size = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	while (maps && getline(&line, &size, maps) > 0)
		if (strstr(line, "[vdso]"))
			start = strtoull(line, NULL, 16);
	if (maps)
		fclose(maps);
	free(line);
	return start;
}

/* A thread that shares the descriptors of one we have tells nothing new. */
static bool is_known(const struct audit_scene *scene, size_t from, pid_t pid)
{
	for (size_t i = from; i < scene->nr_procs; i++)
		if (!syscall(SYS_kcmp, scene->proc[i].pid, pid, KCMP_FILES, 0, 0))
			return true;
	return false;
}

static int add_proc(struct audit_scene *scene, pid_t pid)
{
	struct audit_proc *proc;

	if (!audit_grow(&scene->proc, scene->nr_procs, sizeof(*scene->proc)))
		return -ENOMEM;
	proc = &scene->proc[scene->nr_procs++];
	proc->pid = pid;
	proc->lineage = lineage_of(pid);
	proc->same_vm = false;
	for (struct audit_proc *p = scene->proc; p < proc && !proc->same_vm; p++)
		proc->same_vm = p->lineage == proc->lineage &&
				!syscall(SYS_kcmp, p->pid, pid, KCMP_VM, 0, 0);
	return 0;
}

static int add_threads(struct audit_scene *scene, const char *pid)
{
	size_t first = scene->nr_procs;
	char path[64], task[64];
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
	dir = opendir(path);
	while (!ret && dir && (entry = readdir(dir))) {
		if (!is_number(entry->d_name))
			continue;
		snprintf(task, sizeof(task), "%.20s/task/%.20s", pid, entry->d_name);
		if (!is_inside(scene->cgroup, task))
			continue;
		scene->nr_tasks++;
		if (!strchr("ZX", state_of(task)) && !is_known(scene, first, atoi(entry->d_name)))
			ret = add_proc(scene, atoi(entry->d_name));
	}
	if (dir)
		closedir(dir);
	return ret;
}

int audit_tasks(struct audit_scene *scene, struct audit *audit)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int ret = dir ? 0 : -errno;

	while (!ret && (entry = readdir(dir)))
		if (is_number(entry->d_name))
			ret = add_threads(scene, entry->d_name);
	if (dir)
		closedir(dir);
	if (ret)
		return ret;
	if (scene->nr_procs)
		scene->init = scene->proc[0].pid;
	audit_set(audit, STOCKVZ_RES_NUMPROC, AUDIT_EXACT, scene->nr_tasks,
		  "a task that was moved counts where it was born");
	return 0;
}
