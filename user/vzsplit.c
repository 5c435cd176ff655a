// SPDX-License-Identifier: GPL-2.0
/* vzsplit: a sample for containers that divide the host evenly. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/ct.h"
#include "lib/log.h"
#include "lib/split.h"

static struct {
	unsigned long containers;
	const char *name;	/* of the sample; NULL: print it */
	const char *vswap;	/* NULL: as the module can */
	unsigned long long swap;
	bool has_swap;
} opt;

static void usage(FILE *out)
{
	fputs("Usage: vzsplit [-n NUMBER] [-f NAME] [-s KBYTES] [-v yes|no]\n\n"
	      "  -n NUMBER  of containers; asked for when it is not given\n"
	      "  -f NAME    make ve-NAME.conf-sample; otherwise it is printed\n"
	      "  -s KBYTES  as if there was so much swap\n"
	      "  -v yes|no  with limits of vSwap or not\n", out);
}

static int parse_number(const char *text, unsigned long long max, unsigned long long *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno || *out > max ? -EINVAL : 0;
}

static int set_containers(const char *text)
{
	unsigned long long number;

	if (parse_number(text, CT_ID_MAX, &number) || !number)
		return vz_err(VZ_FAILED, "Bad number of containers: %s", text);
	opt.containers = number;
	return 0;
}

static int ask_containers(void)
{
	char *line = NULL;
	size_t size = 0;
	int ret;

	printf("Enter the number of containers: ");
	fflush(stdout);
	if (getline(&line, &size, stdin) < 0) {
		free(line);
		return vz_err(VZ_FAILED, "Bad number of containers: none was given");
	}
	line[strcspn(line, "\n")] = '\0';
	ret = set_containers(line);
	free(line);
	return ret;
}

static int set_option(int c)
{
	switch (c) {
	case 'n':
		return set_containers(optarg);
	case 'f':
		if (!*optarg || *optarg == '.' || strchr(optarg, '/'))
			return vz_err(VZ_FAILED, "Bad name of a sample: %s", optarg);
		opt.name = optarg;
		return 0;
	case 's':
		if (parse_number(optarg, LLONG_MAX >> 10, &opt.swap))
			return vz_err(VZ_FAILED, "Bad amount of swap: %s", optarg);
		opt.has_swap = true;
		return 0;
	case 'v':
		if (strcasecmp(optarg, "yes") && strcasecmp(optarg, "no"))
			return vz_err(VZ_FAILED, "Bad parameter for -v: %s", optarg);
		opt.vswap = optarg;
		return 0;
	}
	usage(stderr);
	return VZ_FAILED;
}

/* Returns the exit code, or -1 to go on. */
static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c, ret;

	while ((c = getopt_long(argc, argv, "n:f:s:v:h", options, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return VZ_OK;
		}
		ret = set_option(c);
		if (ret)
			return ret;
	}
	if (optind < argc) {
		usage(stderr);
		return VZ_FAILED;
	}
	return -1;
}

/* The file system where private areas are: what stands before $VEID. */
static void read_disk(struct split *split)
{
	const struct conf *global = conf_global();
	const char *private = global ? conf_get(global, "VE_PRIVATE") : NULL;
	char path[PATH_MAX];
	struct statvfs fs;

	snprintf(path, sizeof(path), "%s", private ?: "");
	path[strcspn(path, "$")] = '\0';
	if (!*path || statvfs(path, &fs) < 0) {
		vz_log(-1, "Warning: cannot tell the disk space for private areas, small limits are taken");
		return;
	}
	split->disk = (uint64_t)fs.f_blocks * fs.f_frsize;
	split->inodes = fs.f_files;
}

static int write_whole(const struct split *split, const char *dir, const char *path)
{
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	char self[32];
	int ret;

	if (!out)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	fchmod(fd, 0644);
	ret = split_print(split, out);
	if (!ret && (fsync(fd) || linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW)))
		ret = -errno;
	fclose(out);
	return ret;
}

/* It has no name before it is whole; what is there already stays. */
static int write_sample(const struct split *split)
{
	char path[PATH_MAX], dir[PATH_MAX];
	int ret;

	sample_path(path, sizeof(path), opt.name);
	snprintf(dir, sizeof(dir), "%s/conf", vz_confdir());
	ret = write_whole(split, dir, path);
	if (ret)
		return vz_err(VZ_FAILED, "Error: cannot make %s: %s", path, strerror(-ret));
	vz_log(0, "Sample configuration saved to %s", path);
	return 0;
}

int main(int argc, char **argv)
{
	struct split split = { 0 };
	int ret = parse(argc, argv);

	if (ret >= 0)
		return ret;
	if (!opt.containers && ask_containers())
		return VZ_FAILED;
	if (host_memory(&split.host) || host_threads(&split.host))
		return VZ_FAILED;
	if (opt.has_swap)
		split.host.swap = opt.swap << 10;
	split.containers = opt.containers;
	split.vswap = opt.vswap ? !strcasecmp(opt.vswap, "yes") : !access("/proc/vz/vswap", F_OK);
	read_disk(&split);
	if (split_host(&split))
		return VZ_FAILED;
	if (opt.name)
		return write_sample(&split);
	return split_print(&split, stdout) ? VZ_FAILED : VZ_OK;
}
