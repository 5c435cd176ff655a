/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory in pages: what the kernel says of address spaces, by which rows are
 * judged, and mappings for a worker to make.
 *
 * Include once, in the file that has the tests, after fixture.h.
 */
#ifndef SELFTESTS_PAGES_H
#define SELFTESTS_PAGES_H

#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096L

#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)

/* Of a line "Name:   123 kB" in /proc/PID/status, in pages. */
static inline long status_pages(pid_t pid, const char *name)
{
	size_t len = strlen(name);
	char path[64], line[256];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			kb = strtol(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb * 1024 / PAGE;
}

/* Of all processes in a cgroup together. */
static inline long cgroup_pages(const char *cgroup, const char *name)
{
	char path[128], line[32];
	long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), CG_ROOT "%s/cgroup.procs", cgroup);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		n += status_pages(atoi(line), name);
	if (f)
		fclose(f);
	return n;
}

static inline long truly_private(const struct box *box)
{
	return cgroup_pages(box->cgroup, "VmData") +
	       cgroup_pages(box->cgroup, "VmStk");
}

static inline long truly_locked(const struct box *box)
{
	return cgroup_pages(box->cgroup, "VmLck");
}

/*
 * In the worker. Mappings are remembered by a small number, and are made by
 * system calls alone: a C library's own memory would count as well.
 */
static struct {
	char *at;
	long pages;
} spot[64];

/* Where a mapping may stand without merging with its neighbours. */
static inline char *place(long i)
{
	return (char *)0x200000000000 + (i << 32);
}

static inline long map_spot(long i, long pages, int prot, int flags, int fd)
{
	void *p = mmap(place(i), pages * PAGE, prot, flags | MAP_FIXED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	spot[i].at = p;
	spot[i].pages = pages;
	return 0;
}

static inline long map_private(long i, long pages)
{
	return map_spot(i, pages, RW, PRIVATE, -1);
}

static inline long map_none(long i, long pages)
{
	return map_spot(i, pages, PROT_NONE, PRIVATE, -1);
}

static inline long map_locked(long i, long pages)
{
	return map_spot(i, pages, RW, PRIVATE | MAP_LOCKED, -1);
}

static inline long map_shared(long i, long pages)
{
	return map_spot(i, pages, RW, SHARED, -1);
}

static inline long unmap(long i, long b)
{
	return sys(munmap(spot[i].at, spot[i].pages * PAGE));
}

/* Of the first pages only. */
static inline long unmap_part(long i, long pages)
{
	return sys(munmap(spot[i].at, pages * PAGE));
}

static inline long touch(long i, long pages)
{
	long n;

	for (n = 0; n < pages; n++)
		*(volatile char *)(spot[i].at + n * PAGE) = 1;
	return 0;
}

#endif
