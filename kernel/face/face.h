/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What admins and tools talk to.
 */
#ifndef STOCKVZ_FACE_H
#define STOCKVZ_FACE_H

#include <linux/netlink.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>

#include "ub/ub.h"

/* user_beancounters.c */
extern const struct file_operations ub_table_fops;
void ub_table_rows(struct seq_file *m, struct ub *ub, const char *uid, bool bc);
int ub_table_open_bc(struct file *file);
int ub_table_release(struct inode *inode, struct file *file);
int ub_table_init(void);
void ub_table_exit(void);

/* seq.c */
void seq_reads_others(struct file *file);

/* bc.c */
bool may_see_all(void);
int bc_init(void);
void bc_exit(void);
struct proc_dir_entry *bc_home(void);

/* vz.c */
int vz_init(void);
void vz_exit(void);
struct proc_dir_entry *vz_ct_home(void);
int vz_open_of_host(struct file *file, int (*show)(struct seq_file *m, void *v), size_t size);

/* vestat.c */
extern const struct proc_ops vestat_ops, own_vestat_ops;

/* ctfs.c */
int ctfs_init(void);
void ctfs_exit(void);

/**
 * struct feature_state - does a feature work?
 * @name: what it is called
 * @state: off, on, ...
 * @symbol: the kernel function that it lacks, if that is why
 * @why: the reason, if it is not on
 */
struct feature_state {
	const char *name;
	enum stockvz_state state;
	const char *symbol;
	const char *why;
};

/* status.c */
int status_init(void);
void status_exit(void);
bool feature_state(unsigned int feature, struct feature_state *s);

/* Refuse, and say why, in a string that stays. */
static inline int refuse(struct netlink_ext_ack *extack, int err, const char *why)
{
	if (extack)
		extack->_msg = why;
	return err;
}

/* netlink.c */
struct genl_info;

extern struct genl_family stockvz_family;
int request_id(struct sk_buff *skb, struct genl_info *info, int attr, u32 *id);
int begin_reply(struct genl_info *info, u8 cmd, struct sk_buff **skb, void **head);
int end_reply(struct genl_info *info, struct sk_buff *skb, void *head, int err);
int netlink_init(void);
void netlink_exit(void);

/* netlink_share.c */
struct fair_change;

void parse_share(struct genl_info *info, struct fair_change *change);
int put_share(struct sk_buff *skb, struct ub *ub);

/* event.c */
void events_init(void);
void events_exit(void);
int put_refusal(struct sk_buff *skb, const struct ub_record *r);
void event_refusal(struct ub *ub, const struct ub_record *r);
void event_ct(struct ub *ub, enum stockvz_ct_event event);
unsigned long events_dropped(void);

#endif
