// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arp.h"
#include "clock.h"
#include "fd.h"
#include "lock.h"

#define CARDS_MAX 64
/* A neighbour message with one option, which has a MAC */
#define NDP_SIZE 32
#define NDP_TARGET 8
#define NDP_OPTION 24
/* How many packets of a card are looked at before the next one's turn */
#define TURN 256

struct card {
	int arp, ndp;	/* -1: cannot be asked */
	int index;
	unsigned char mac[ETH_ALEN];
	unsigned char ip4[4];	/* its own; 0.0.0.0: none */
};

struct arp {
	struct card card[CARDS_MAX];
	size_t nr;
};

struct arp *arp_new(void)
{
	return calloc(1, sizeof(struct arp));
}

void arp_free(struct arp *arp)
{
	for (size_t i = 0; arp && i < arp->nr; i++) {
		fd_close(&arp->card[i].arp);
		fd_close(&arp->card[i].ndp);
	}
	free(arp);
}

static int open_arp(const struct card *card)
{
	const struct sockaddr_ll here = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = card->index,
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&here, sizeof(here)))
		fd_close(&fd);
	return fd;
}

/* Hears advertisements, and sends what only a direct neighbour can have sent. */
static int open_ndp(const char *name)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	const int hops = 255, loop = 0, on = 1;
	struct icmp6_filter filter;

	if (fd < 0)
		return fd;
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &loop, sizeof(loop)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name) + 1))
		fd_close(&fd);
	return fd;
}

int arp_add_card(struct arp *arp, const char *name)
{
	int auto_fd sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct card *card = &arp->card[arp->nr];
	struct ifreq ifr = { 0 };

	if (arp->nr == CARDS_MAX || strlen(name) >= sizeof(ifr.ifr_name))
		return -ENOSPC;
	strcpy(ifr.ifr_name, name);
	if (sock < 0 || ioctl(sock, SIOCGIFHWADDR, &ifr))
		return -errno;
	memcpy(card->mac, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	memset(card->ip4, 0, sizeof(card->ip4));
	if (!ioctl(sock, SIOCGIFADDR, &ifr))
		memcpy(card->ip4, &((struct sockaddr_in *)&ifr.ifr_addr)->sin_addr, 4);
	card->index = if_nametoindex(name);
	card->arp = open_arp(card);
	card->ndp = open_ndp(name);
	arp->nr++;
	return 0;
}

/*
 * ---- IPv4: a request, from the address itself to tell, from the card's own to
 * ask: who answers for others, as we do, does not answer nobody.
 */

static void send_arp(const struct card *card, const struct ip *ip, bool announce)
{
	const struct sockaddr_ll all = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = card->index,
		.sll_halen = ETH_ALEN,
		.sll_addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};
	struct ether_arp packet = {
		.ea_hdr = {
			.ar_hrd = htons(ARPHRD_ETHER),
			.ar_pro = htons(ETH_P_IP),
			.ar_hln = ETH_ALEN,
			.ar_pln = 4,
			.ar_op = htons(ARPOP_REQUEST),
		},
	};

	memcpy(packet.arp_sha, card->mac, ETH_ALEN);
	memcpy(packet.arp_spa, announce ? ip->bytes : card->ip4, 4);
	memcpy(packet.arp_tpa, ip->bytes, 4);
	sendto(card->arp, &packet, sizeof(packet), 0, (const struct sockaddr *)&all, sizeof(all));
}

/* Who says that an address is his has it, be it an answer or not. */
static bool hear_arp(const struct card *card, const char *list, struct ip *ip)
{
	struct ether_arp packet;

	for (int i = 0; i < TURN; i++) {
		if (recv(card->arp, &packet, sizeof(packet), 0) != sizeof(packet))
			break;
		*ip = (struct ip){ .family = AF_INET };
		memcpy(ip->bytes, packet.arp_spa, 4);
		if (memcmp(packet.arp_sha, card->mac, ETH_ALEN) && ip_in_list(ip, list))
			return true;
	}
	return false;
}

/* ---- IPv6: a solicitation to ask, an advertisement to tell */

static void send_ndp(const struct card *card, const struct ip *ip, bool announce)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_scope_id = card->index,
		.sin6_addr = { .s6_addr = { 0xff, 0x02, [15] = 0x01 } },
	};
	unsigned char packet[NDP_SIZE] = {
		[0] = announce ? ND_NEIGHBOR_ADVERT : ND_NEIGHBOR_SOLICIT,
		[4] = announce ? 0x20 : 0,	/* override what was known before */
		[NDP_OPTION] = announce ? ND_OPT_TARGET_LINKADDR : ND_OPT_SOURCE_LINKADDR,
		[NDP_OPTION + 1] = 1,
	};

	if (!announce) {
		/* The group of all that end like this */
		to.sin6_addr.s6_addr[11] = 0x01;
		to.sin6_addr.s6_addr[12] = 0xff;
		memcpy(&to.sin6_addr.s6_addr[13], &ip->bytes[13], 3);
	}
	memcpy(packet + NDP_TARGET, ip->bytes, 16);
	memcpy(packet + NDP_OPTION + 2, card->mac, ETH_ALEN);
	sendto(card->ndp, packet, sizeof(packet), 0, (const struct sockaddr *)&to, sizeof(to));
}

/*
 * An advertisement of a direct neighbour, which no router has passed on: its
 * length. 0 for anything else, less for nothing.
 */
static ssize_t receive_ndp(int fd, unsigned char *packet, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { .iov_base = packet, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &msg, 0);
	const struct cmsghdr *head = len > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	int hops = 0;

	if (head && head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_HOPLIMIT)
		memcpy(&hops, CMSG_DATA(head), sizeof(hops));
	if (len < 0)
		return len;
	return hops == 255 && packet[0] == ND_NEIGHBOR_ADVERT && !packet[1] ? len : 0;
}

static bool hear_ndp(const struct card *card, const char *list, struct ip *ip)
{
	unsigned char packet[1500];

	for (int i = 0; i < TURN; i++) {
		ssize_t len = receive_ndp(card->ndp, packet, sizeof(packet));

		if (len < 0)
			break;
		if (len < NDP_OPTION)
			continue;
		*ip = (struct ip){ .family = AF_INET6 };
		memcpy(ip->bytes, packet + NDP_TARGET, 16);
		if (ip_in_list(ip, list))
			return true;
	}
	return false;
}

/* ---- both, on all cards */

static void send_all(const struct arp *arp, const char *list, bool announce)
{
	struct ip ip;

	while (ip_next(&list, &ip))
		for (size_t i = 0; i < arp->nr; i++) {
			if (ip.family == AF_INET)
				send_arp(&arp->card[i], &ip, announce);
			else
				send_ndp(&arp->card[i], &ip, announce);
		}
}

void arp_ask(struct arp *arp, const char *list)
{
	send_all(arp, list, false);
}

void arp_announce(struct arp *arp, const char *list)
{
	send_all(arp, list, true);
}

bool arp_hear(struct arp *arp, const char *list, struct ip *ip)
{
	long end = now_ms() + ARP_WAIT_MS, left = ARP_WAIT_MS;
	struct pollfd fds[2 * CARDS_MAX];

	for (size_t i = 0; i < arp->nr; i++) {
		fds[2 * i] = (struct pollfd){ .fd = arp->card[i].arp, .events = POLLIN };
		fds[2 * i + 1] = (struct pollfd){ .fd = arp->card[i].ndp, .events = POLLIN };
	}
	while (arp->nr && left > 0 && !vz_cancelled) {
		poll(fds, 2 * arp->nr, left);
		for (size_t i = 0; i < arp->nr; i++)
			if (hear_arp(&arp->card[i], list, ip) || hear_ndp(&arp->card[i], list, ip))
				return true;
		left = end - now_ms();
	}
	return false;
}
