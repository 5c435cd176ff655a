/* SPDX-License-Identifier: GPL-2.0 */
/* The system's: this file only keeps the include path complete. */
#include_next <linux/errno.h>
