// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "net.h"
#include "ub.h"

#define TIMEOUT_MS 10000

static int home = -1;

union address address_of(const char *text, int port)
{
	union address a = {};

	if (strchr(text, ':')) {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &a.in6.sin6_addr);
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		inet_pton(AF_INET, text, &a.in.sin_addr);
	}
	return a;
}

static socklen_t size_of(const union address *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

socklen_t loopback_of(union address *address, int family, int port)
{
	*address = address_of(family == AF_INET ? "127.0.0.1" : "::1", port);
	return size_of(address);
}

static void put_address(struct nl_msg *msg, const char *text)
{
	union address a = address_of(text, 0);

	nla_put_u16(msg, STOCKVZ_A_IP_FAMILY, a.sa.sa_family);
	if (a.sa.sa_family == AF_INET)
		nla_put(msg, STOCKVZ_A_IP_ADDRESS, 4, &a.in.sin_addr);
	else
		nla_put(msg, STOCKVZ_A_IP_ADDRESS, 16, &a.in6.sin6_addr);
}

int ip_add(unsigned int id, const char *text, int ns)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_IP_ADD, 0);

	if (!msg)
		return -ENOENT;
	nla_put_u32(msg, STOCKVZ_A_IP_ID, id);
	put_address(msg, text);
	nla_put_u32(msg, STOCKVZ_A_IP_NETNS_FD, ns);
	return ub_talk(msg, NULL, NULL);
}

int ip_del(unsigned int id, const char *text)
{
	struct nl_msg *msg = ub_msg(STOCKVZ_CMD_IP_DEL, 0);

	if (!msg)
		return -ENOENT;
	nla_put_u32(msg, STOCKVZ_A_IP_ID, id);
	if (text)
		put_address(msg, text);
	return ub_talk(msg, NULL, NULL);
}

int ip_del_all(unsigned int id)
{
	return ip_del(id, NULL);
}

struct count {
	unsigned int id;
	int n;
};

static void on_address(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[STOCKVZ_A_IP_MAX + 1];
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct count *count = arg;

	if (!nla_parse(tb, STOCKVZ_A_IP_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
		       NULL) &&
	    tb[STOCKVZ_A_IP_ID] && tb[STOCKVZ_A_IP_FAMILY] && tb[STOCKVZ_A_IP_ADDRESS] &&
	    (!count->id || nla_get_u32(tb[STOCKVZ_A_IP_ID]) == count->id))
		count->n++;
}

/* How many addresses a container has, or all of them (0). */
int ip_count(unsigned int id)
{
	struct count count = { .id = id };
	int err = ub_talk(ub_msg(STOCKVZ_CMD_IP_GET, NLM_F_DUMP), on_address, &count);

	return err ?: count.n;
}

int netns_enter(int ns)
{
	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return ns == HOST || !setns(ns, CLONE_NEWNET) ? 0 : -errno;
}

void netns_leave(void)
{
	setns(home, CLONE_NEWNET);
}

int netns_new(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	if (access(path, F_OK) == 0)
		netns_del(name, -1);
	if (sh("ip netns add %s", name))
		return -EIO;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void netns_del(const char *name, int ns)
{
	if (ns >= 0)
		close(ns);
	sh_quiet("ip netns del %s", name);
}

/* Not sh: where that is busybox, it has its own idea of "ip". */
static int run(bool quiet, const char *format, va_list args)
{
	char line[2048];
	int status;
	pid_t pid;

	vsnprintf(line, sizeof(line), format, args);
	pid = fork();
	if (!pid) {
		dup2(quiet ? open("/dev/null", O_WRONLY) : 2, 1);
		if (quiet)
			dup2(1, 2);
		execlp("bash", "bash", "-c", line, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int sh(const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = run(false, format, args);
	va_end(args);
	return ret;
}

int sh_quiet(const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = run(true, format, args);
	va_end(args);
	return ret;
}

int socket_in(int ns, int family, int type, int protocol)
{
	int err = netns_enter(ns);
	int fd;

	if (err)
		return err;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	netns_leave();
	return fd;
}

static int bound(int ns, const char *text, int port, int type)
{
	union address a = address_of(text, port);
	int fd = socket_in(ns, a.sa.sa_family, type, 0);
	int on = 1;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a.sa, size_of(&a))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int udp_bound(int ns, const char *text, int port)
{
	return bound(ns, text, port, SOCK_DGRAM);
}

int tcp_listen(int ns, const char *text, int port)
{
	int fd = bound(ns, text, port, SOCK_STREAM);

	if (fd >= 0)
		listen(fd, 16);
	return fd;
}

/* Not for ever: what is dropped is never answered. */
int tcp_connect(int ns, const char *from, const char *to, int port)
{
	union address a = address_of(to, port);
	int fd = bound(ns, from, 0, SOCK_STREAM | SOCK_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0;

	if (fd < 0)
		return fd;
	if (connect(fd, &a.sa, size_of(&a)) && errno != EINPROGRESS)
		err = errno;
	else if (poll(&p, 1, TIMEOUT_MS) <= 0)
		err = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err) {
		close(fd);
		return -err;
	}
	fcntl(fd, F_SETFL, 0);
	return fd;
}

int udp_send(int fd, const char *to, int port, const void *data, size_t size)
{
	union address a = address_of(to, port);
	ssize_t n = sendto(fd, data, size, MSG_DONTWAIT, &a.sa, size_of(&a));

	return n < 0 ? -errno : n;
}

bool arrives(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && (p.revents & POLLIN);
}

bool link_stats(int ns, const char *dev, struct link_stats *s)
{
	char line[512], name[32];
	bool found = false;
	FILE *f;

	if (netns_enter(ns))
		return false;
	f = fopen("/proc/thread-self/net/dev", "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line,
			       " %31[^:]: %lu %lu %*u %*u %*u %*u %*u %*u %lu %lu %*u %lu",
			       name, &s->rx_bytes, &s->rx_packets, &s->tx_bytes, &s->tx_packets,
			       &s->tx_dropped) == 6 && !strcmp(name, dev);
	if (f)
		fclose(f);
	netns_leave();
	return found;
}
