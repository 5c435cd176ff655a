// SPDX-License-Identifier: GPL-2.0
/*
 * numfile: open files. Descriptors are told apart by kcmp(), so that those that
 * were shared by dup(), fork() or a message count once. Programs and libraries
 * hold a file for as long as they are mapped: nothing tells these files apart,
 * so processes that come from one exec() are taken to share what they map of the
 * same inode, with each other and with a descriptor of theirs.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "audit.h"
#include "lib/fd.h"

struct mapped {
	uint64_t lineage;
	dev_t dev;
	ino_t ino;
	uint64_t start;		/* of a System V segment, which is a file for each attachment */
};

struct maps {
	size_t nr;
	struct mapped *map;
};

static int add_fds(struct audit_scene *scene, const struct audit_proc *proc)
{
	char path[64];
	struct dirent *entry;
	struct stat st;
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", proc->pid);
	dir = opendir(path);
	while (!ret && dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0))
			continue;
		if (!audit_grow(&scene->fd, scene->nr_fds, sizeof(*scene->fd))) {
			ret = -ENOMEM;
			break;
		}
		scene->fd[scene->nr_fds++] = (struct audit_fd){
			.pid = proc->pid, .fd = atoi(entry->d_name), .dev = st.st_dev,
			.ino = st.st_ino, .mode = st.st_mode, .rdev = st.st_rdev,
			.lineage = proc->lineage,
		};
	}
	if (dir)
		closedir(dir);
	return ret;
}

/* The kernel has an order of open files, which it only tells by comparing two. */
static int by_file(const void *a, const void *b)
{
	const struct audit_fd *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	switch (syscall(SYS_kcmp, x->pid, y->pid, KCMP_FILE, x->fd, y->fd)) {
	case 0: return 0;
	case 1: return -1;
	default: return 1;
	}
}

static int by_map(const void *a, const void *b)
{
	const struct mapped *x = a, *y = b;

	if (x->lineage != y->lineage)
		return x->lineage < y->lineage ? -1 : 1;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int add_map(struct maps *maps, struct mapped map)
{
	/* A segment's inode is its number, which may be 0. */
	if (!map.ino && !map.start)
		return 0;
	if (!audit_grow(&maps->map, maps->nr, sizeof(*maps->map)))
		return -ENOMEM;
	maps->map[maps->nr++] = map;
	return 0;
}

static int add_maps(struct maps *maps, const struct audit_proc *proc)
{
	unsigned long long start, ino;
	char path[40], *line = NULL;
	unsigned int major, minor;
	size_t size = 0;
	int ret = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", proc->pid);
	file = fopen(path, "re");
	while (!ret && file && getline(&line, &size, file) > 0) {
		bool segment = strstr(line, "/SYSV");

		if (sscanf(line, "%llx-%*x %*s %*x %x:%x %llu", &start, &major, &minor, &ino) != 4)
			continue;
		ret = add_map(maps, (struct mapped){
			.lineage = proc->lineage, .dev = makedev(major, minor), .ino = ino,
			.start = segment ? start : 0,
		});
	}
	if (file)
		fclose(file);
	free(line);
	return ret;
}

static int add_program(struct maps *maps, const struct audit_proc *proc)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/exe", proc->pid);
	if (stat(path, &st))
		return 0;
	return add_map(maps, (struct mapped){
		.lineage = proc->lineage, .dev = st.st_dev, .ino = st.st_ino,
	});
}

static bool is_open(const struct audit_scene *scene, const struct mapped *map)
{
	if (map->start)
		return false;
	for (size_t i = 0; i < scene->nr_fds; i++)
		if (scene->fd[i].ino == map->ino && scene->fd[i].dev == map->dev &&
		    scene->fd[i].lineage == map->lineage)
			return true;
	return false;
}

static size_t count_maps(const struct audit_scene *scene, struct maps *maps)
{
	size_t n = 0;

	if (maps->nr)
		qsort(maps->map, maps->nr, sizeof(*maps->map), by_map);
	for (size_t i = 0; i < maps->nr; i++)
		if ((!i || by_map(&maps->map[i - 1], &maps->map[i])) &&
		    !is_open(scene, &maps->map[i]))
			n++;
	return n;
}

static size_t count_fds(struct audit_scene *scene)
{
	size_t n = 0;

	if (scene->nr_fds)
		qsort(scene->fd, scene->nr_fds, sizeof(*scene->fd), by_file);
	for (size_t i = 0; i < scene->nr_fds; i++) {
		scene->fd[i].again = i && !by_file(&scene->fd[i - 1], &scene->fd[i]);
		n += !scene->fd[i].again;
	}
	return n;
}

/* What UNIX sockets say that they have in flight; some of it may be open as well. */
static unsigned long in_flight(const struct audit_scene *scene)
{
	unsigned long n = 0;

	for (size_t i = 0; i < scene->nr_fds; i++) {
		const struct audit_fd *fd = &scene->fd[i];
		char path[64], text[1024];
		const char *at;

		if (fd->again || !S_ISSOCK(fd->mode))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", fd->pid, fd->fd);
		if (file_read_at(-1, path, text, sizeof(text)) < 0)
			continue;
		at = strstr(text, "scm_fds:");
		n += at ? strtoul(at + 8, NULL, 10) : 0;
	}
	return n;
}

int audit_files(struct audit_scene *scene, struct audit *audit)
{
	uint64_t segments = 0, pages;
	struct maps maps = { 0 };
	unsigned long flying;
	char note[80] = "";
	int ret = 0;
	size_t n;

	for (size_t i = 0; i < scene->nr_procs && !ret; i++) {
		const struct audit_proc *proc = &scene->proc[i];

		ret = add_fds(scene, proc);
		if (!ret && !proc->same_vm)
			ret = add_maps(&maps, proc) ?: add_program(&maps, proc);
	}
	if (!ret) {
		n = count_fds(scene) + count_maps(scene, &maps);
		/* A segment is a file, too, besides those of its attachments. */
		if (scene->init && audit_own_ns(scene->init, "ipc"))
			audit_segments(scene->init, &segments, &pages);
		flying = in_flight(scene);
		if (flying)
			snprintf(note, sizeof(note), "and up to %lu in flight in UNIX sockets",
				 flying);
		audit_set(audit, STOCKVZ_RES_NUMFILE, flying ? AUDIT_ABOUT : AUDIT_EXACT,
			  n + segments, *note ? note : "what was opened outside is its opener's");
	}
	free(maps.map);
	return ret;
}
