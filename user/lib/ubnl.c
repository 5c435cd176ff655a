// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "log.h"
#include "ubnl.h"

/* Room for every limit and the longest path of a cgroup */
#define REQUEST_SIZE	16384
#define REPLY_SIZE	32768

struct ubnl {
	struct nl_sock *sock;
	int family;
	bool done;		/* the request in flight was answered */
	int result;		/* and how: 0 or a negative errno */
	char error[256];
	char note[256];		/* what came with an answer that was no error */
};

struct ubnl *ubnl_open(void)
{
	struct ubnl *nl = calloc(1, sizeof(*nl));
	int one = 1, err = ENOMEM;

	if (!nl)
		return NULL;
	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		goto fail;

	err = EIO;
	if (genl_connect(nl->sock) < 0)
		goto fail;
	nl_socket_set_msg_buf_size(nl->sock, REPLY_SIZE);
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));

	err = ENOENT;
	nl->family = genl_ctrl_resolve(nl->sock, STOCKVZ_FAMILY_NAME);
	if (nl->family < 0)
		goto fail;
	return nl;

fail:
	ubnl_close(nl);
	errno = err;
	return NULL;
}

struct ubnl *ubnl_open_or_tell(int *code)
{
	struct ubnl *nl = ubnl_open();

	if (nl)
		return nl;
	if (errno == ENOENT)
		*code = vz_err(VZ_BADKERNEL,
			       "Error: stockvz module is not loaded (run 'modprobe stockvz')");
	else
		*code = vz_err(VZ_SYSTEM, "Error: cannot reach the kernel: %s", strerror(errno));
	return NULL;
}

void ubnl_close(struct ubnl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

const char *ubnl_error(const struct ubnl *nl)
{
	return nl->error;
}

void ubnl_warn_note(const struct ubnl *nl)
{
	if (*nl->note)
		vz_log(-1, "Warning: %s", nl->note);
}

static int set_error(struct ubnl *nl, int result, const char *text)
{
	nl->result = result;
	snprintf(nl->error, sizeof(nl->error), "%s", text ?: strerror(-result));
	return result;
}

static const char *attr_text(struct nlattr *attr)
{
	const char *text = nla_data(attr);
	int len = nla_len(attr);

	return len > 0 && !text[len - 1] ? text : NULL;
}

/* The text that came with an error: it stands behind the fixed part. */
static const char *ext_ack(struct nlmsghdr *hdr, int fixed)
{
	struct nlattr *attr;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || !nlmsg_valid_hdr(hdr, fixed))
		return NULL;
	attr = nla_find(nlmsg_attrdata(hdr, fixed), nlmsg_attrlen(hdr, fixed), NLMSGERR_ATTR_MSG);
	return attr ? attr_text(attr) : NULL;
}

static int on_error(struct sockaddr_nl *addr, struct nlmsgerr *err, void *arg)
{
	/* The request comes back as its header only: NETLINK_CAP_ACK. */
	struct nlmsghdr *hdr = (void *)((char *)err - NLMSG_HDRLEN);
	struct ubnl *nl = arg;

	(void)addr;
	set_error(nl, err->error, ext_ack(hdr, sizeof(*err)));
	nl->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	const char *text = ext_ack(nlmsg_hdr(msg), sizeof(struct nlmsgerr));
	struct ubnl *nl = arg;

	snprintf(nl->note, sizeof(nl->note), "%s", text ?: "");
	nl->done = true;
	return NL_STOP;
}

/* A dump that went wrong half-way says so in its last message. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct ubnl *nl = arg;
	int err = 0;

	if (nlmsg_valid_hdr(hdr, sizeof(err)))
		memcpy(&err, nlmsg_data(hdr), sizeof(err));
	if (err < 0)
		set_error(nl, err, ext_ack(hdr, sizeof(err)));
	nl->done = true;
	return NL_STOP;
}

static int lost(struct ubnl *nl, int nlerr)
{
	int err = nlerr == -NLE_DUMP_INTR ? -EAGAIN : -EIO;

	return set_error(nl, err, nl_geterror(nlerr));
}

/* Send a request and hand each reply to valid(). The message is used up. */
static int request(struct ubnl *nl, struct nl_msg *msg, nl_recvmsg_msg_cb_t valid, void *arg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	nl->done = false;
	nl->result = 0;
	nl->note[0] = '\0';
	if (!cb) {
		nlmsg_free(msg);
		return set_error(nl, -ENOMEM, NULL);
	}
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, nl);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, nl);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, nl);
	if (valid)
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, valid, arg);

	ret = nl_send_auto(nl->sock, msg);
	nlmsg_free(msg);
	while (ret >= 0 && !nl->done)
		ret = nl_recvmsgs(nl->sock, cb);
	nl_cb_put(cb);

	return ret < 0 && !nl->result ? lost(nl, ret) : nl->result;
}

static struct nl_msg *new_request(struct ubnl *nl, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_SIZE);

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, cmd,
			       STOCKVZ_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	set_error(nl, -ENOMEM, NULL);
	return NULL;
}

static int put_limits(struct nl_msg *msg, const struct ub_limits *limits)
{
	for (unsigned int i = 0; i < UB_NR; i++) {
		struct nlattr *nest;

		if (!(limits->set & (1u << i)))
			continue;
		nest = nla_nest_start(msg, STOCKVZ_A_UB_RESOURCE);
		if (!nest ||
		    nla_put_u32(msg, STOCKVZ_A_RES_INDEX, i) ||
		    nla_put_u64(msg, STOCKVZ_A_RES_BARRIER, limits->res[i].barrier) ||
		    nla_put_u64(msg, STOCKVZ_A_RES_LIMIT, limits->res[i].limit))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

static int put_share(struct nl_msg *msg, const struct share *share)
{
	for (int i = 0; i < SHARE_NR; i++) {
		const struct share_param *p = &share_params[i];

		if (!(share->set & (1u << i)))
			continue;
		if (p->is_list ? nla_put_string(msg, p->attr, share->list[i]) :
				 nla_put_u32(msg, p->attr, share->number[i]))
			return -EMSGSIZE;
	}
	return 0;
}

/* Every command that changes something is a subset of this one. */
static int change(struct ubnl *nl, int cmd, unsigned int id, const struct ub_limits *limits,
		  const struct share *share, const char *cgroup)
{
	struct nl_msg *msg = new_request(nl, cmd, NLM_F_ACK);

	if (!msg)
		return nl->result;
	if (nla_put_u32(msg, STOCKVZ_A_UB_ID, id) ||
	    (limits && put_limits(msg, limits)) ||
	    (share && put_share(msg, share)) ||
	    (cgroup && nla_put_string(msg, STOCKVZ_A_UB_CGROUP, cgroup))) {
		nlmsg_free(msg);
		return set_error(nl, -EMSGSIZE, NULL);
	}
	return request(nl, msg, NULL, NULL);
}

int ubnl_ub_new(struct ubnl *nl, unsigned int id, const struct ub_limits *limits,
		const char *cgroup)
{
	return change(nl, STOCKVZ_CMD_UB_NEW, id, limits, NULL, cgroup);
}

int ubnl_ub_del(struct ubnl *nl, unsigned int id)
{
	return change(nl, STOCKVZ_CMD_UB_DEL, id, NULL, NULL, NULL);
}

int ubnl_ub_set(struct ubnl *nl, unsigned int id, const struct ub_limits *limits)
{
	return change(nl, STOCKVZ_CMD_UB_SET, id, limits, NULL, NULL);
}

int ubnl_ub_set_share(struct ubnl *nl, unsigned int id, const struct share *share)
{
	return change(nl, STOCKVZ_CMD_UB_SET, id, NULL, share, NULL);
}

int ubnl_host_set(struct ubnl *nl, const char *containers, unsigned int units)
{
	struct nl_msg *msg = new_request(nl, STOCKVZ_CMD_UB_SET, NLM_F_ACK);

	if (!msg)
		return nl->result;
	if (nla_put_u32(msg, STOCKVZ_A_UB_ID, 0) ||
	    nla_put_u32(msg, STOCKVZ_A_UB_CPUUNITS, units) ||
	    nla_put_string(msg, STOCKVZ_A_UB_CONTAINERS, containers)) {
		nlmsg_free(msg);
		return set_error(nl, -EMSGSIZE, NULL);
	}
	return request(nl, msg, NULL, NULL);
}

int ubnl_ub_attach(struct ubnl *nl, unsigned int id, const char *cgroup)
{
	return change(nl, STOCKVZ_CMD_UB_ATTACH, id, NULL, NULL, cgroup);
}

/* An attribute that is missing or too short reads as 0 or "". */
static uint64_t get_u64(struct nlattr *attr)
{
	return attr && nla_len(attr) >= (int)sizeof(uint64_t) ? nla_get_u64(attr) : 0;
}

static uint32_t get_u32(struct nlattr *attr)
{
	return attr && nla_len(attr) >= (int)sizeof(uint32_t) ? nla_get_u32(attr) : 0;
}

static void get_text(struct nlattr *attr, char *out, size_t size)
{
	if (attr)
		nla_strlcpy(out, attr, size);
	else
		*out = '\0';
}

static void read_resource(struct ub_state *state, struct nlattr *nest)
{
	struct nlattr *tb[STOCKVZ_A_RES_MAX + 1];
	struct ub_res *res;
	uint32_t index;

	if (nla_parse_nested(tb, STOCKVZ_A_RES_MAX, nest, NULL) < 0 || !tb[STOCKVZ_A_RES_INDEX])
		return;
	index = get_u32(tb[STOCKVZ_A_RES_INDEX]);
	if (index >= UB_NR)
		return;		/* of a newer module */

	res = &state->res[index];
	res->held = get_u64(tb[STOCKVZ_A_RES_HELD]);
	res->maxheld = get_u64(tb[STOCKVZ_A_RES_MAXHELD]);
	res->barrier = get_u64(tb[STOCKVZ_A_RES_BARRIER]);
	res->limit = get_u64(tb[STOCKVZ_A_RES_LIMIT]);
	res->failcnt = get_u64(tb[STOCKVZ_A_RES_FAILCNT]);
	state->known |= 1u << index;
}

static void read_share(struct share *share, struct nlattr *attr)
{
	for (int i = 0; i < SHARE_NR; i++) {
		const struct share_param *p = &share_params[i];

		if (nla_type(attr) != p->attr)
			continue;
		share->set |= 1u << i;
		if (p->is_list)
			get_text(attr, share->list[i], sizeof(share->list[i]));
		else
			share->number[i] = get_u32(attr);
	}
}

static void read_state(struct ub_state *state, struct nl_msg *msg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *attr;
	int left;

	memset(state, 0, sizeof(*state));
	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), left) {
		switch (nla_type(attr)) {
		case STOCKVZ_A_UB_ID:
			state->id = get_u32(attr);
			break;
		case STOCKVZ_A_UB_RESOURCE:
			read_resource(state, attr);
			break;
		case STOCKVZ_A_UB_CGROUP:
			get_text(attr, state->cgroup, sizeof(state->cgroup));
			break;
		case STOCKVZ_A_UB_DYING:
			state->dying = true;
			break;
		default:
			read_share(&state->share, attr);
		}
	}
}

static int on_state(struct nl_msg *msg, void *arg)
{
	read_state(arg, msg);
	return NL_OK;
}

int ubnl_ub_get(struct ubnl *nl, unsigned int id, struct ub_state *state)
{
	struct nl_msg *msg = new_request(nl, STOCKVZ_CMD_UB_GET, NLM_F_ACK);

	if (!msg)
		return nl->result;
	if (nla_put_u32(msg, STOCKVZ_A_UB_ID, id)) {
		nlmsg_free(msg);
		return set_error(nl, -EMSGSIZE, NULL);
	}
	return request(nl, msg, on_state, state);
}

struct dump {
	int (*cb)(const struct ub_state *state, void *arg);
	void *arg;
	int ret;
};

/* What follows once the caller has enough is read, but not shown to it. */
static int on_dump(struct nl_msg *msg, void *arg)
{
	struct dump *dump = arg;
	struct ub_state state;

	if (!dump->ret) {
		read_state(&state, msg);
		dump->ret = dump->cb(&state, dump->arg);
	}
	return NL_OK;
}

int ubnl_ub_dump(struct ubnl *nl, int (*cb)(const struct ub_state *state, void *arg), void *arg)
{
	struct nl_msg *msg = new_request(nl, STOCKVZ_CMD_UB_GET, NLM_F_DUMP);
	struct dump dump = { .cb = cb, .arg = arg };
	int ret;

	if (!msg)
		return nl->result;
	ret = request(nl, msg, on_dump, &dump);
	return ret ?: dump.ret;
}

struct cpu_dump {
	void (*cb)(const struct ub_cpu *cpu, void *arg);
	void *arg;
};

/* Load averages are fixed-point numbers, as all of the kernel's are. */
static double get_load(struct nlattr *attr)
{
	return get_u32(attr) / 2048.0;
}

static int on_cpu(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[STOCKVZ_A_CPU_MAX + 1];
	struct cpu_dump *dump = arg;
	struct ub_cpu cpu;

	if (nla_parse(tb, STOCKVZ_A_CPU_MAX, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0),
		      NULL) < 0)
		return NL_OK;
	cpu = (struct ub_cpu){
		.id = get_u32(tb[STOCKVZ_A_CPU_ID]),
		.uptime = get_u64(tb[STOCKVZ_A_CPU_UPTIME]),
		.used = get_u64(tb[STOCKVZ_A_CPU_USED]),
		.user = get_u64(tb[STOCKVZ_A_CPU_USER]),
		.nice = get_u64(tb[STOCKVZ_A_CPU_NICE]),
		.system = get_u64(tb[STOCKVZ_A_CPU_SYSTEM]),
		.idle = get_u64(tb[STOCKVZ_A_CPU_IDLE]),
		.wait = get_u64(tb[STOCKVZ_A_CPU_WAIT]),
		.throttled = get_u64(tb[STOCKVZ_A_CPU_THROTTLED]),
		.load = { get_load(tb[STOCKVZ_A_CPU_LOAD_1]), get_load(tb[STOCKVZ_A_CPU_LOAD_5]),
			  get_load(tb[STOCKVZ_A_CPU_LOAD_15]) },
	};
	dump->cb(&cpu, dump->arg);
	return NL_OK;
}

int ubnl_cpu_dump(struct ubnl *nl, void (*cb)(const struct ub_cpu *cpu, void *arg), void *arg)
{
	struct nl_msg *msg = new_request(nl, STOCKVZ_CMD_CPU_GET, NLM_F_DUMP);
	struct cpu_dump dump = { .cb = cb, .arg = arg };

	return msg ? request(nl, msg, on_cpu, &dump) : nl->result;
}

static int ip_request(struct ubnl *nl, int cmd, unsigned int id, const struct ip *ip, int netns)
{
	struct nl_msg *msg = new_request(nl, cmd, NLM_F_ACK);

	if (!msg)
		return nl->result;
	if (nla_put_u32(msg, STOCKVZ_A_IP_ID, id) ||
	    (ip && nla_put_u16(msg, STOCKVZ_A_IP_FAMILY, ip->family)) ||
	    (ip && nla_put(msg, STOCKVZ_A_IP_ADDRESS, ip_size(ip), ip->bytes)) ||
	    (netns >= 0 && nla_put_u32(msg, STOCKVZ_A_IP_NETNS_FD, netns))) {
		nlmsg_free(msg);
		return set_error(nl, -EMSGSIZE, NULL);
	}
	return request(nl, msg, NULL, NULL);
}

int ubnl_ip_add(struct ubnl *nl, unsigned int id, const struct ip *ip, int netns)
{
	return ip_request(nl, STOCKVZ_CMD_IP_ADD, id, ip, netns);
}

int ubnl_ip_del(struct ubnl *nl, unsigned int id, const struct ip *ip)
{
	return ip_request(nl, STOCKVZ_CMD_IP_DEL, id, ip, -1);
}

struct ip_dump {
	void (*cb)(unsigned int id, const struct ip *ip, void *arg);
	void *arg;
};

static int on_ip(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[STOCKVZ_A_IP_MAX + 1];
	struct ip_dump *dump = arg;
	struct ip ip = { 0 };
	struct nlattr *address;

	if (nla_parse(tb, STOCKVZ_A_IP_MAX, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0),
		      NULL) < 0)
		return NL_OK;
	address = tb[STOCKVZ_A_IP_ADDRESS];
	if (!address || !tb[STOCKVZ_A_IP_FAMILY])
		return NL_OK;
	ip.family = nla_get_u16(tb[STOCKVZ_A_IP_FAMILY]);
	if (nla_len(address) != ip_size(&ip))
		return NL_OK;
	memcpy(ip.bytes, nla_data(address), ip_size(&ip));
	dump->cb(get_u32(tb[STOCKVZ_A_IP_ID]), &ip, dump->arg);
	return NL_OK;
}

int ubnl_ip_dump(struct ubnl *nl, void (*cb)(unsigned int id, const struct ip *ip, void *arg),
		 void *arg)
{
	struct nl_msg *msg = new_request(nl, STOCKVZ_CMD_IP_GET, NLM_F_DUMP);
	struct ip_dump dump = { .cb = cb, .arg = arg };

	return msg ? request(nl, msg, on_ip, &dump) : nl->result;
}

struct owner {
	const struct ip *ip;
	unsigned int id;
};

static void on_owned(unsigned int id, const struct ip *ip, void *arg)
{
	struct owner *owner = arg;

	if (ip_equal(ip, owner->ip))
		owner->id = id;
}

/* Whoever asks has been refused and may yet want to print why. */
unsigned int ubnl_ip_owner(struct ubnl *nl, const struct ip *ip)
{
	struct owner owner = { .ip = ip };
	char why[sizeof(nl->error)];

	memcpy(why, nl->error, sizeof(why));
	ubnl_ip_dump(nl, on_owned, &owner);
	memcpy(nl->error, why, sizeof(why));
	return owner.id;
}

static void read_feature(struct ubnl_info *info, struct nlattr *nest)
{
	struct nlattr *tb[STOCKVZ_A_FEATURE_MAX + 1];
	struct ubnl_feature *feature;

	if (info->nr_features == sizeof(info->feature) / sizeof(*info->feature) ||
	    nla_parse_nested(tb, STOCKVZ_A_FEATURE_MAX, nest, NULL) < 0)
		return;

	feature = &info->feature[info->nr_features++];
	get_text(tb[STOCKVZ_A_FEATURE_NAME], feature->name, sizeof(feature->name));
	get_text(tb[STOCKVZ_A_FEATURE_REASON], feature->reason, sizeof(feature->reason));
	feature->state = get_u32(tb[STOCKVZ_A_FEATURE_STATE]);
}

static int on_info(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct ubnl_info *info = arg;
	struct nlattr *attr;
	int left;

	nla_for_each_attr(attr, genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), left) {
		switch (nla_type(attr)) {
		case STOCKVZ_A_INFO_ABI:
			info->abi = get_u32(attr);
			break;
		case STOCKVZ_A_INFO_VERSION:
			get_text(attr, info->version, sizeof(info->version));
			break;
		case STOCKVZ_A_INFO_KERNEL:
			get_text(attr, info->kernel, sizeof(info->kernel));
			break;
		case STOCKVZ_A_INFO_FEATURE:
			read_feature(info, attr);
			break;
		case STOCKVZ_A_INFO_EVENTS_DROPPED:
			info->events_dropped = get_u64(attr);
			break;
		}
	}
	return NL_OK;
}

int ubnl_info(struct ubnl *nl, struct ubnl_info *info)
{
	struct nl_msg *msg = new_request(nl, STOCKVZ_CMD_INFO_GET, NLM_F_ACK);

	memset(info, 0, sizeof(*info));
	return msg ? request(nl, msg, on_info, info) : nl->result;
}

const struct ubnl_feature *ubnl_feature(const struct ubnl_info *info, const char *name)
{
	for (size_t i = 0; i < info->nr_features; i++)
		if (!strcmp(info->feature[i].name, name))
			return &info->feature[i];
	return NULL;
}

/* "0:unlimited" and "half:unlimited" are old ways to say that there is none. */
static bool is_limited(const struct ub_limits *limits, unsigned int i)
{
	uint64_t barrier = limits->res[i].barrier;

	return (limits->set & (1u << i)) &&
	       (limits->res[i].limit < UB_MAX || (barrier && barrier < UB_MAX / 2));
}

/* A limit that nothing watches is no error: another kernel may watch it. */
void ubnl_warn_idle(struct ubnl *nl, const struct ub_limits *limits)
{
	struct ubnl_info info;
	char names[512] = "";
	size_t used = 0;

	if (ubnl_info(nl, &info) < 0)
		return;
	for (unsigned int i = 0; i < UB_NR && used < sizeof(names); i++) {
		const struct ubnl_feature *feature = ubnl_feature(&info, ub_name(i));

		if (!is_limited(limits, i) || (feature && feature->state != STOCKVZ_STATE_OFF))
			continue;
		used += snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
				 ub_name(i));
		if (feature)
			vz_log(1, "%s is off: %s", feature->name, feature->reason);
	}
	if (used)
		vz_log(-1, "Warning: not limited by the running module: %s", names);
}

int ubnl_subscribe(struct ubnl *nl, const char *name)
{
	int group = genl_ctrl_resolve_grp(nl->sock, STOCKVZ_FAMILY_NAME, name);

	if (group < 0)
		return set_error(nl, -ENOENT, nl_geterror(group));
	group = nl_socket_add_membership(nl->sock, group);
	return group < 0 ? set_error(nl, -EPERM, nl_geterror(group)) : 0;
}

struct listener {
	void (*cb)(const struct ubnl_event *event, void *arg);
	void *arg;
};

/* Nobody asked for an event: its number follows from nothing. */
static int any_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

static int on_event(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[STOCKVZ_A_EVENT_MAX + 1];
	struct listener *listener = arg;
	struct ubnl_event event = { 0 };

	if (nla_parse(tb, STOCKVZ_A_EVENT_MAX, genlmsg_attrdata(hdr, 0),
		      genlmsg_attrlen(hdr, 0), NULL) < 0)
		return NL_SKIP;

	event.cmd = hdr->cmd;
	event.id = get_u32(tb[STOCKVZ_A_EVENT_ID]);
	event.resource = get_u32(tb[STOCKVZ_A_EVENT_RESOURCE]);
	event.bound = get_u32(tb[STOCKVZ_A_EVENT_BOUND]);
	event.amount = get_u64(tb[STOCKVZ_A_EVENT_AMOUNT]);
	event.held = get_u64(tb[STOCKVZ_A_EVENT_HELD]);
	event.barrier = get_u64(tb[STOCKVZ_A_EVENT_BARRIER]);
	event.limit = get_u64(tb[STOCKVZ_A_EVENT_LIMIT]);
	event.pid = get_u32(tb[STOCKVZ_A_EVENT_PID]);
	event.syscall = (int)get_u32(tb[STOCKVZ_A_EVENT_SYSCALL]);
	event.arch = get_u32(tb[STOCKVZ_A_EVENT_ARCH]);
	event.time = get_u64(tb[STOCKVZ_A_EVENT_TIME]);
	event.first = get_u64(tb[STOCKVZ_A_EVENT_FIRST_TIME]);
	event.count = get_u64(tb[STOCKVZ_A_EVENT_COUNT]);
	event.dropped = get_u64(tb[STOCKVZ_A_EVENT_DROPPED]);
	event.ct_event = get_u32(tb[STOCKVZ_A_EVENT_CT_EVENT]);
	get_text(tb[STOCKVZ_A_EVENT_COMM], event.comm, sizeof(event.comm));

	listener->cb(&event, listener->arg);
	return NL_OK;
}

int ubnl_events(struct ubnl *nl, void (*cb)(const struct ubnl_event *event, void *arg), void *arg)
{
	struct listener listener = { .cb = cb, .arg = arg };
	struct nl_cb *set = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!set)
		return set_error(nl, -ENOMEM, NULL);
	nl_cb_set(set, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	nl_cb_set(set, NL_CB_VALID, NL_CB_CUSTOM, on_event, &listener);
	ret = nl_recvmsgs(nl->sock, set);
	nl_cb_put(set);

	/* What libnl calls no memory is a socket that has overflowed. */
	if (ret == -NLE_NOMEM)
		return set_error(nl, -ENOBUFS, NULL);
	return ret < 0 ? set_error(nl, -EIO, nl_geterror(ret)) : 0;
}

int ubnl_refusals(struct ubnl *nl, unsigned int id,
		  void (*cb)(const struct ubnl_event *event, void *arg), void *arg)
{
	struct nl_msg *msg = new_request(nl, STOCKVZ_CMD_REFUSALS_GET, NLM_F_DUMP);
	struct listener listener = { .cb = cb, .arg = arg };

	if (!msg)
		return nl->result;
	if (nla_put_u32(msg, STOCKVZ_A_EVENT_ID, id)) {
		nlmsg_free(msg);
		return set_error(nl, -EMSGSIZE, NULL);
	}
	return request(nl, msg, on_event, &listener);
}
