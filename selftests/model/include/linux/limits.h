/* SPDX-License-Identifier: GPL-2.0 */
/* In the kernel this is where ULONG_MAX comes from. */
#include_next <linux/limits.h>
#include <limits.h>
