// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "err.h"
#include "fd.h"
#include "files.h"
#include "log.h"
#include "netdev.h"
#include "netif.h"
#include "rtnl.h"

/* One file for each container: what it was given, "name number" in a line. */
#define RECORDS "/var/lib/vzctl/netdev"
/* Where its namespace is kept */
#define KEPT "/run/vzctl/netns"
#define NETDEV_MAX 32

/*
 * Whoever is root inside may rename a device, but not give it another number.
 * There it has one by which it can be told from all that he makes: its own, and
 * this much more.
 */
#define INSIDE 0x40000000

struct netdev {
	char name[IF_NAMESIZE];
	int index;	/* on the host */
};

struct netdevs {
	const struct ct *ct;
	int home, netns;
	struct nl_sock *host, *inside;
	struct netdev dev[NETDEV_MAX];
	size_t nr;
};

bool netdev_may_go(const char *name)
{
	static const char *const never[] = { "venet", "tun", "tap", "lo", NULL };

	for (const char *const *start = never; *start; start++)
		if (!strncmp(name, *start, strlen(*start)))
			return false;
	return netif_is_name(name);
}

bool netdev_next(const char **list, char name[])
{
	size_t len;

	*list += strspn(*list, " ");
	len = strcspn(*list, " ");
	if (!len || len >= IF_NAMESIZE)
		return false;
	memcpy(name, *list, len);
	name[len] = '\0';
	*list += len;
	return true;
}

bool netdev_in_list(const char *name, const char *list)
{
	char other[IF_NAMESIZE];

	while (netdev_next(&list, other))
		if (!strcmp(name, other))
			return true;
	return false;
}

/* ---- what is known of those that were given */

static void path_of(char *buf, size_t size, const char *dir, unsigned int id)
{
	snprintf(buf, size, "%s/%u", dir, id);
}

/* What was written before the machine came up is of no devices that there are. */
static void read_record(struct netdevs *all)
{
	char path[64];
	FILE *f;

	all->nr = 0;
	path_of(path, sizeof(path), KEPT, all->ct->id);
	if (access(path, F_OK))
		return;
	path_of(path, sizeof(path), RECORDS, all->ct->id);
	f = fopen(path, "re");
	while (f && all->nr < NETDEV_MAX &&
	       fscanf(f, "%15s %d", all->dev[all->nr].name, &all->dev[all->nr].index) == 2)
		all->nr++;
	if (f)
		fclose(f);
}

static int write_record(const struct netdevs *all)
{
	int ret = make_dirs(RECORDS, 0755);
	char path[64];
	FILE *f;

	if (ret)
		return ret;
	path_of(path, sizeof(path), RECORDS, all->ct->id);
	if (!all->nr)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	f = fopen(path, "we");
	if (!f)
		return -errno;
	for (size_t i = 0; i < all->nr; i++)
		fprintf(f, "%s %d\n", all->dev[i].name, all->dev[i].index);
	return fclose(f) ? -errno : 0;
}

char *netdev_given(unsigned int id)
{
	const struct ct ct = { .id = id };
	struct netdevs all = { .ct = &ct };
	char *list = NULL;
	size_t size;
	FILE *out;

	read_record(&all);
	if (!all.nr)
		return NULL;
	out = open_memstream(&list, &size);
	for (size_t i = 0; out && i < all.nr; i++)
		fprintf(out, "%s%s", i ? " " : "", all.dev[i].name);
	if (!out || fclose(out))
		return NULL;
	return list;
}

/* ---- the namespace, kept */

static int keep_netns(const struct netdevs *all)
{
	char path[64], from[40];
	int ret = make_dirs(KEPT, 0700);
	int fd;

	if (ret)
		return ret;
	path_of(path, sizeof(path), KEPT, all->ct->id);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", all->netns);
	if (!mount(from, path, NULL, MS_BIND, NULL))
		return 0;
	ret = -errno;
	unlink(path);
	return ret;
}

static void drop_netns(const struct netdevs *all)
{
	char path[64];

	path_of(path, sizeof(path), KEPT, all->ct->id);
	umount2(path, MNT_DETACH);
	unlink(path);
}

/* ---- there and back */

static int open_netdevs(struct netdevs *all)
{
	all->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	all->host = rtnl_open(-1);
	all->inside = rtnl_open(all->netns);
	return all->home < 0 || !all->host || !all->inside ? -errno : 0;
}

static void close_netdevs(struct netdevs *all)
{
	rtnl_close(all->inside);
	rtnl_close(all->host);
	fd_close(&all->home);
}

static int tell(const char *name, const char *what, int err)
{
	return vz_err(VZ_NETDEV, "Unable to %s network device %s: %s", what, name,
		      strerror(-err));
}

static int give(struct netdevs *all, const char *name)
{
	int index = rtnl_link_index(all->host, name);
	int ret = index;

	if (all->nr == NETDEV_MAX)
		ret = -ENOSPC;
	if (ret > 0)
		ret = rtnl_link_move(all->host, index, all->netns, NULL, INSIDE + index);
	if (ret)
		return tell(name, "give", ret);
	strcpy(all->dev[all->nr].name, name);
	all->dev[all->nr++].index = index;
	vz_log(0, "Add network device: %s", name);
	return write_record(all) ? tell(name, "note", -EIO) : 0;
}

/* As it was, or with another number or name when those are taken. Off the list in any case. */
static int take_back(struct netdevs *all, size_t i)
{
	const struct netdev dev = all->dev[i];
	const int inside = INSIDE + dev.index;
	int ret = rtnl_link_move(all->inside, inside, all->home, dev.name, dev.index);

	if (ret == -EBUSY)
		ret = rtnl_link_move(all->inside, inside, all->home, dev.name, 0);
	if (ret == -EEXIST)
		ret = rtnl_link_move(all->inside, inside, all->home, "dev%d", 0);
	/* It had come back, but was not renamed. */
	if (ret == -ENODEV && rtnl_link_index(all->host, dev.name) > 0)
		ret = 0;
	memmove(&all->dev[i], &all->dev[i + 1], (--all->nr - i) * sizeof(dev));
	if (ret)
		return tell(dev.name, "take back", ret);
	vz_log(0, "Del network device: %s", dev.name);
	return 0;
}

static bool has(const struct netdevs *all, const char *name)
{
	for (size_t i = 0; i < all->nr; i++)
		if (!strcmp(all->dev[i].name, name))
			return true;
	return false;
}

static int give_all(struct netdevs *all, const char *list)
{
	const size_t before = all->nr;
	char name[IF_NAMESIZE];
	int ret = 0;

	while (!ret && netdev_next(&list, name))
		if (!has(all, name))
			ret = give(all, name);
	while (ret && all->nr > before)
		take_back(all, all->nr - 1);
	return ret;
}

static int take_back_others(struct netdevs *all, const char *list)
{
	int ret = 0;

	for (size_t i = all->nr; i-- > 0;)
		if (!netdev_in_list(all->dev[i].name, list))
			ret = take_back(all, i) ?: ret;
	return ret;
}

static int change(struct netdevs *all, const char *list)
{
	int ret;

	/* Nothing of an earlier run is in there. */
	if (!all->nr)
		drop_netns(all);
	ret = keep_netns(all);
	if (ret)
		return vz_err(VZ_NETDEV, "Unable to keep the container's network: %s",
			      strerror(-ret));
	ret = give_all(all, list);
	if (!ret)
		ret = take_back_others(all, list);
	if (!all->nr)
		drop_netns(all);
	if (write_record(all) && !ret)
		ret = vz_err(VZ_SYSTEM, "Unable to note the network devices");
	return ret;
}

int netdev_set(const struct ct *ct, int netns, const char *list)
{
	struct netdevs all = { .ct = ct, .netns = netns, .home = -1 };
	int ret;

	read_record(&all);
	if (!all.nr && !*list)
		return 0;
	ret = open_netdevs(&all);
	ret = ret ? vz_err(VZ_NETDEV, "Unable to move network devices: %s", strerror(-ret)) :
		    change(&all, list);
	close_netdevs(&all);
	return ret;
}

void netdev_clear(const struct ct *ct)
{
	struct netdevs all = { .ct = ct, .netns = -1, .home = -1 };
	char path[64];

	read_record(&all);
	path_of(path, sizeof(path), KEPT, ct->id);
	if (all.nr)
		all.netns = open(path, O_RDONLY | O_CLOEXEC);
	if (all.netns >= 0 && !open_netdevs(&all))
		take_back_others(&all, "");
	close_netdevs(&all);
	fd_close(&all.netns);
	all.nr = 0;
	drop_netns(&all);
	write_record(&all);
}
