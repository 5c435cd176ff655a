/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of a child on its way to the program that it is to run, as told
 * to the parent over a socket. Executing the program closes the socket: so
 * silence, after the child has said that it is ready, is success.
 */
#ifndef _VZ_REPORT_H
#define _VZ_REPORT_H

#include "err.h"

/* { child's end, parent's end }: 0 or -errno */
int report_open(int sock[2]);

/* Child: the socket to use from now on, and waiting for the parent's word. */
void report_use(int sock);
void report_await_go(void);
/* Child: all that is left is to execute the program, or what follows failed. */
void report_ready(void);
/* Child: pass a descriptor to the parent. */
void report_send_fd(int fd);
/*
 * Child: the end. errno becomes part of the message unless it is 0.
 */
void report_fail(enum vz_exit code, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* Parent: let the child go on. */
int report_go(int sock);
/*
 * Parent: 0 when the program runs, or the exit code, message printed. Gives up
 * after so many seconds, and when the command is cancelled. *fd becomes what
 * report_send_fd() sent, unless fd is NULL.
 */
int report_wait(int sock, int seconds, int *fd);

#endif /* _VZ_REPORT_H */
