// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock, numothersock and the buffers. A socket that somebody has a
 * descriptor of is fetched by pidfd_getfd() and asked what it is and what it has
 * queued. Those without, orphans and connections that nobody has accepted yet,
 * are found in the network namespace of the first process: by sock_diag, or where
 * there is none in the lists of /proc. (Not rather: a name with a line break in it
 * can look like any row of /proc/net/unix.)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit.h"
#include "lib/fd.h"

struct sums {
	uint64_t tcp, other;
	uint64_t tcp_snd, tcp_rcv, dgram_rcv, other_buf;
};

/* The first four that matter; see enum of SK_MEMINFO_* */
static void add_buffers(struct sums *sums, bool tcp, const uint32_t *mem)
{
	if (tcp) {
		sums->tcp_snd += mem[SK_MEMINFO_WMEM_QUEUED];
		sums->tcp_rcv += mem[SK_MEMINFO_RMEM_ALLOC];
	} else {
		sums->other_buf += mem[SK_MEMINFO_WMEM_ALLOC];
		sums->dgram_rcv += mem[SK_MEMINFO_RMEM_ALLOC];
	}
}

static int option(int sock, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(sock, SOL_SOCKET, name, &value, &len) ? -1 : value;
}

static void add_socket(struct sums *sums, const struct audit_fd *fd)
{
	int auto_fd process = syscall(SYS_pidfd_open, fd->pid, 0);
	int auto_fd sock = process < 0 ? -1 : syscall(SYS_pidfd_getfd, process, fd->fd, 0);
	uint32_t mem[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(mem);
	int family;
	bool tcp;

	if (sock < 0)
		return;
	family = option(sock, SO_DOMAIN);
	tcp = (family == AF_INET || family == AF_INET6) && option(sock, SO_TYPE) == SOCK_STREAM;
	if (tcp)
		sums->tcp++;
	else
		sums->other++;
	getsockopt(sock, SOL_SOCKET, SO_MEMINFO, mem, &len);
	add_buffers(sums, tcp, mem);
}

static void on_inet(struct sums *sums, const struct nlmsghdr *head)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(head);
	const struct rtattr *attr = (void *)(msg + 1);
	int len = head->nlmsg_len - NLMSG_LENGTH(sizeof(*msg));

	/* With an inode it has a descriptor. These two are no sockets yet, or no more. */
	if (msg->idiag_inode || msg->idiag_state == TCP_TIME_WAIT ||
	    msg->idiag_state == TCP_SYN_RECV)
		return;
	sums->tcp++;
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len))
		if (attr->rta_type == INET_DIAG_SKMEMINFO)
			add_buffers(sums, true, RTA_DATA(attr));
}

/* sock_diag passes over a connection that waits to be accepted; who listens knows how many. */
static void on_unix(struct sums *sums, const struct nlmsghdr *head)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(head);
	const struct rtattr *attr = (void *)(msg + 1);
	int len = head->nlmsg_len - NLMSG_LENGTH(sizeof(*msg));

	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len))
		if (attr->rta_type == UNIX_DIAG_RQLEN)
			sums->other += ((struct unix_diag_rqlen *)RTA_DATA(attr))->udiag_rqueue;
}

/* Until the end of the dump: 0, or -errno as the kernel put it */
static int receive(int sock, struct sums *sums,
		   void (*on_message)(struct sums *sums, const struct nlmsghdr *head))
{
	static char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t n = recv(sock, buf, sizeof(buf), 0);
		const struct nlmsghdr *head = (void *)buf;

		if (n <= 0)
			return -EIO;
		for (; NLMSG_OK(head, n); head = NLMSG_NEXT(head, n)) {
			if (head->nlmsg_type == NLMSG_DONE)
				return 0;
			if (head->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(head))->error ?: -EIO;
			on_message(sums, head);
		}
	}
}

static int dump_inet(int sock, struct sums *sums, int family)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 req;
	} msg = {
		.head = {
			.nlmsg_len = sizeof(msg),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
			.idiag_states = ~0u,
		},
	};

	if (send(sock, &msg, sizeof(msg), 0) != sizeof(msg))
		return -errno;
	return receive(sock, sums, on_inet);
}

static int dump_unix(int sock, struct sums *sums)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} msg = {
		.head = {
			.nlmsg_len = sizeof(msg),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = AF_UNIX,
			.udiag_states = 1 << TCP_LISTEN,
			.udiag_show = UDIAG_SHOW_RQLEN,
		},
	};

	if (send(sock, &msg, sizeof(msg), 0) != sizeof(msg))
		return -errno;
	return receive(sock, sums, on_unix);
}

/* A netlink socket in the network namespace of the process */
static int diag_socket(pid_t pid)
{
	int auto_fd home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int auto_fd ns = -1;
	char path[40];
	int sock;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (home < 0 || ns < 0 || setns(ns, CLONE_NEWNET))
		return -errno;
	sock = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (setns(home, CLONE_NEWNET) && sock >= 0) {
		close(sock);
		sock = -1;
	}
	return sock;
}

/*
 * Where sock_diag does not tell: those that have no inode in a list of /proc/PID/net,
 * the inode being its place-th word and the state, of TCP, the fourth.
 */
static void list_sockets(pid_t pid, const char *list, int place, uint64_t *sum)
{
	char path[40], *line = NULL, *save;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, list);
	file = fopen(path, "re");
	/* The first line has the names. */
	while (file && getline(&line, &size, file) > 0) {
		const char *word = strtok_r(line, "\n ", &save);
		bool none = false;

		for (int i = 1; word && i < place; i++) {
			if (place == 10 && i == 4)
				none = strstr("03 06 0C", word);
			word = strtok_r(NULL, "\n ", &save);
		}
		*sum += !none && word && !strcmp(word, "0");
	}
	if (file)
		fclose(file);
	free(line);
}

static bool one_netns(const struct audit_scene *scene)
{
	struct stat first, st;
	char path[40];

	for (size_t i = 0; i < scene->nr_procs; i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", scene->proc[i].pid);
		if (stat(path, &st))
			continue;
		if (!i)
			first = st;
		else if (st.st_ino != first.st_ino)
			return false;
	}
	return true;
}

/* Whose they are is known only if the namespace is nobody else's. */
static const char *add_hidden(const struct audit_scene *scene, struct sums *sums)
{
	int auto_fd sock = -1;

	if (!scene->init || !audit_own_ns(scene->init, "net"))
		return "without those that nobody has open: the network is the host's";
	sock = diag_socket(scene->init);
	if (sock < 0 || dump_inet(sock, sums, AF_INET))
		list_sockets(scene->init, "tcp", 10, &sums->tcp);
	if (sock < 0 || dump_inet(sock, sums, AF_INET6))
		list_sockets(scene->init, "tcp6", 10, &sums->tcp);
	if (sock < 0 || dump_unix(sock, sums))
		list_sockets(scene->init, "unix", 7, &sums->other);
	return one_netns(scene) ? "" : "without what nobody has open in inner namespaces";
}

void audit_sockets(const struct audit_scene *scene, struct audit *audit)
{
	struct sums sums = { 0 };
	const char *note;

	for (size_t i = 0; i < scene->nr_fds; i++)
		if (!scene->fd[i].again && S_ISSOCK(scene->fd[i].mode) &&
		    (!i || scene->fd[i - 1].ino != scene->fd[i].ino ||
		     scene->fd[i - 1].dev != scene->fd[i].dev))
			add_socket(&sums, &scene->fd[i]);
	note = add_hidden(scene, &sums);
	audit_set(audit, STOCKVZ_RES_NUMTCPSOCK, AUDIT_EXACT, sums.tcp, note);
	audit_set(audit, STOCKVZ_RES_NUMOTHERSOCK, AUDIT_EXACT, sums.other, note);
	audit_set(audit, STOCKVZ_RES_TCPSNDBUF, AUDIT_ABOUT, sums.tcp_snd, "queued to send");
	audit_set(audit, STOCKVZ_RES_TCPRCVBUF, AUDIT_ABOUT, sums.tcp_rcv, "not read yet");
	audit_set(audit, STOCKVZ_RES_OTHERSOCKBUF, AUDIT_ABOUT, sums.other_buf, "sent and not read");
	audit_set(audit, STOCKVZ_RES_DGRAMRCVBUF, AUDIT_ABOUT, sums.dgram_rcv, "not read yet");
}
