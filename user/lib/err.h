/* SPDX-License-Identifier: GPL-2.0 */
/* What the tools exit with. Scripts test these numbers: they never change. */
#ifndef _VZ_ERR_H
#define _VZ_ERR_H

enum vz_exit {
	VZ_OK = 0,
	VZ_SETUBC = 1,		/* setting a beancounter failed */
	VZ_SETCPU = 2,		/* setting a CPU parameter failed */
	VZ_SYSTEM = 3,		/* a system call failed */
	VZ_DIFFERS = 4,		/* audit: the module's count is not what is there */
	VZ_BADKERNEL = 5,	/* the module is not loaded, or is too old */
	VZ_NORESOURCE = 6,
	VZ_NOENV = 7,		/* the container's environment was not made */
	VZ_COMMAND = 8,		/* exec: the command returned non-zero */
	VZ_LOCKED = 9,
	VZ_NOGLOBALCONF = 10,	/* vz.conf is missing or unreadable */
	VZ_PERM = 12,
	VZ_SETCAP = 13,
	VZ_NOCONF = 14,		/* N.conf is missing */
	VZ_TIMEOUT = 15,
	VZ_SUSPEND = 16,
	VZ_RESUME = 17,
	VZ_SYNTAX = 20,		/* unknown command or option */
	VZ_BADVALUE = 21,
	VZ_NOROOT = 22,		/* VE_ROOT is not set */
	VZ_NOPRIVATE = 23,	/* VE_PRIVATE is not set */
	VZ_NOTEMPLATEDIR = 24,	/* TEMPLATE is not set */
	VZ_NOUBC = 28,		/* a required beancounter is not set */
	VZ_NOOSTEMPLATE = 29,	/* no OS template was named */
	VZ_NOTRUNNING = 31,
	VZ_RUNNING = 32,
	VZ_CANTSTOP = 33,
	VZ_CANTADDIP = 34,
	VZ_NOTMOUNTED = 40,
	VZ_MOUNTED = 41,
	VZ_PRIVATEMISSING = 43,
	VZ_PRIVATEEXISTS = 44,
	VZ_NOSPACE = 46,
	VZ_NOINIT = 47,		/* no init or no shell inside */
	VZ_MKPRIVATE = 48,
	VZ_MKROOT = 49,
	VZ_MOUNT = 50,
	VZ_UMOUNT = 51,
	VZ_RMPRIVATE = 52,
	VZ_HOSTNAME = 70,
	VZ_NAMESERVER = 72,
	VZ_SEARCHDOMAIN = 73,
	VZ_PASSWORD = 74,
	VZ_NOLOCKDIR = 77,	/* LOCKDIR is not set */
	VZ_IPUSED = 78,
	VZ_ACTIONSCRIPT = 79,
	VZ_NOSAMPLE = 82,	/* ve-NAME.conf-sample is missing */
	VZ_BADCONF = 85,	/* a configuration file holds nonsense */
	VZ_TEMPLATE = 91,	/* OS template not found */
	VZ_NOPLOOP = 99,
	VZ_NETDEV = 104,	/* a device of the host was not given or returned */
	VZ_STARTDISABLED = 105,
	VZ_NODISTCONF = 107,
	VZ_NODISTSCRIPT = 108,
	VZ_APPLYCONFIG = 109,
	VZ_VETH = 130,		/* a veth device */
	VZ_NAME = 131,
	VZ_WAIT = 133,		/* start --wait failed */
	VZ_SAVECONF = 139,
	VZ_IO = 148,

	/* Of the tools that only look and compute */
	VZ_FAILED = 1,
	VZ_INVALID = 2,		/* vzcfgvalidate: the limits make no sense together */
};

#endif /* _VZ_ERR_H */
