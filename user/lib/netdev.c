// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "fd.h"
#include "files.h"
#include "given.h"
#include "log.h"
#include "netdev.h"
#include "netif.h"
#include "rtnl.h"

/* One file for each container: what it was given, "name number identity MAC" in a line. */
#define RECORDS "/var/lib/vzctl/netdev"
/* Where its namespace is kept */
#define KEPT "/run/vzctl/netns"
#define NETDEV_MAX 32
/* How long hardware may take to come back by itself, in tenths of a second */
#define BACK_WAIT 30

/*
 * The number that it has inside is its own, and this much more: there none has
 * it. It says where to look for it and not what it is, for root inside may have
 * sent it on to a namespace of his own, and made another of that number.
 */
#define INSIDE 0x40000000

struct netdev {
	char name[IF_NAMESIZE];
	int index;		/* on the host */
	unsigned long ino;	/* in sysfs: of all that it has, what nobody can change */
	char mac[MAC_TEXT];	/* "-": none that could be set */
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
	while (f && all->nr < NETDEV_MAX) {
		struct netdev *dev = &all->dev[all->nr];

		if (fscanf(f, "%15s %d %lu %17s", dev->name, &dev->index, &dev->ino, dev->mac) != 4)
			break;
		all->nr++;
	}
	if (f)
		fclose(f);
}

static void print_record(FILE *to, const void *arg)
{
	const struct netdevs *all = arg;

	for (const struct netdev *dev = all->dev; dev < all->dev + all->nr; dev++)
		fprintf(to, "%s %d %lu %s\n", dev->name, dev->index, dev->ino, dev->mac);
}

static int write_record(const struct netdevs *all)
{
	int ret;

	if (!all->nr)
		return given_write(RECORDS, all->ct->id, NULL);
	ret = make_dirs(RECORDS, 0755);
	return ret ?: replace_file(RECORDS, all->ct->id, print_record, all);
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

static int inside_index(int index)
{
	return INSIDE | (index & (INSIDE - 1));
}

/* 0: no such device on the host */
static unsigned long identity(const char *name)
{
	char path[32 + IF_NAMESIZE];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/", name);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* Whatever the host calls it now */
static bool find_here(unsigned long ino, char name[IF_NAMESIZE])
{
	DIR *dir = opendir("/sys/class/net");
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		found = netif_is_name(entry->d_name) && identity(entry->d_name) == ino;
		if (found)
			snprintf(name, IF_NAMESIZE, "%.15s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void note_mac(struct netdev *dev)
{
	char path[40 + IF_NAMESIZE];
	unsigned char mac[MAC_SIZE];
	char *text;

	snprintf(path, sizeof(path), "/sys/class/net/%s/address", dev->name);
	text = read_text(path);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	strcpy(dev->mac, "-");
	if (text && !netif_parse_mac(text, mac))
		snprintf(dev->mac, sizeof(dev->mac), "%s", text);
	free(text);
}

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
	struct netdev dev = { .index = rtnl_link_index(all->host, name), .ino = identity(name) };
	int ret = dev.index > 0 && !dev.ino ? -ENODEV : dev.index;

	if (all->nr == NETDEV_MAX)
		ret = -ENOSPC;
	strcpy(dev.name, name);
	note_mac(&dev);
	if (ret > 0)
		ret = rtnl_link_move(all->host, dev.index, all->netns, NULL,
				     inside_index(dev.index));
	if (ret)
		return tell(name, "give", ret);
	all->dev[all->nr++] = dev;
	vz_log(0, "Add network device: %s", name);
	return write_record(all) ? tell(name, "note", -EIO) : 0;
}

static bool is_given(const struct netdevs *all, unsigned long ino)
{
	for (size_t i = 0; i < all->nr; i++)
		if (all->dev[i].ino == ino)
			return true;
	return false;
}

/* What has its number inside; if that is nothing of ours it does not stay here. */
static int fetch(const struct netdevs *all, const struct netdev *dev)
{
	const int inside = inside_index(dev->index);
	unsigned int number = dev->index;
	char name[IF_NAMESIZE];
	int ret;

	/* A name that none has, nor can be waiting for it. */
	getrandom(&number, sizeof(number), 0);
	snprintf(name, sizeof(name), "vz%08x", number);
	ret = rtnl_link_move(all->inside, inside, all->home, name, dev->index);
	if (ret == -EEXIST) {
		/* It has been called by other names too, which the host has. */
		rtnl_altnames_del(all->inside, inside);
		ret = rtnl_link_move(all->inside, inside, all->home, name, dev->index);
	}
	if (ret == -EBUSY)
		ret = rtnl_link_move(all->inside, inside, all->home, name, 0);
	if (!ret && !is_given(all, identity(name)))
		rtnl_link_del(all->host, rtnl_link_index(all->host, name));
	return ret;
}

/* On the host again: as it was, or with another name when that is taken. Off the list then. */
static int settle(struct netdevs *all, size_t i)
{
	struct netdev *dev = &all->dev[i];
	unsigned char mac[MAC_SIZE];
	struct rtnl_link link = { .master = -1, .up = 0 };
	char name[IF_NAMESIZE];
	int ret = 0, index;

	if (!find_here(dev->ino, name))
		return -ENODEV;
	index = rtnl_link_index(all->host, name);
	if (strcmp(name, dev->name)) {
		rtnl_link_change(all->host, index, &link);
		link.name = dev->name;
		ret = rtnl_link_change(all->host, index, &link);
		if (ret == -EEXIST) {
			link.name = "dev%d";
			ret = rtnl_link_change(all->host, index, &link);
		}
	}
	link = (struct rtnl_link){ .mac = mac, .master = -1, .up = -1 };
	if (!netif_parse_mac(dev->mac, mac))
		rtnl_link_change(all->host, index, &link);
	if (ret)
		return ret;
	vz_log(0, "Del network device: %s", dev->name);
	memmove(dev, dev + 1, (--all->nr - i) * sizeof(*dev));
	return 0;
}

static int take_back(struct netdevs *all, size_t i)
{
	int err = fetch(all, &all->dev[i]);
	int ret = settle(all, i);

	return ret ? tell(all->dev[i].name, "take back", err ?: ret) : 0;
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
	for (size_t i = all->nr; ret && i-- > before;)
		take_back(all, i);
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
	int auto_fd kept = -1;
	char path[64];
	int ret = 0;

	read_record(&all);
	if (!all.nr && !*list)
		return 0;
	/* The first process may be in another by now. */
	if (all.nr) {
		path_of(path, sizeof(path), KEPT, ct->id);
		kept = open(path, O_RDONLY | O_CLOEXEC);
		ret = kept < 0 ? -errno : 0;
		all.netns = kept;
	}
	ret = ret ?: open_netdevs(&all);
	ret = ret ? vz_err(VZ_NETDEV, "Unable to move network devices: %s", strerror(-ret)) :
		    change(&all, list);
	close_netdevs(&all);
	return ret;
}

/*
 * What it had sent to a namespace inside of its own: hardware comes back when
 * that one ends, a little later; the rest is gone with it.
 */
static void wait_for_others(struct netdevs *all)
{
	for (int turn = 0; all->nr && turn < BACK_WAIT; turn++) {
		for (size_t i = all->nr; i-- > 0;)
			settle(all, i);
		if (all->nr)
			usleep(100000);
	}
	for (size_t i = 0; i < all->nr; i++)
		vz_err(VZ_NETDEV, "Network device %s is lost", all->dev[i].name);
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
	fd_close(&all.netns);
	rtnl_close(all.inside);
	all.inside = NULL;
	drop_netns(&all);
	if (all.host)
		wait_for_others(&all);
	close_netdevs(&all);
	all.nr = 0;
	write_record(&all);
}
