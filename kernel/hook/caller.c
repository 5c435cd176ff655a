// SPDX-License-Identifier: GPL-2.0
#include <linux/stacktrace.h>

#include "hook.h"

/* From here back to who called the function, and some more. */
#define CALLERS 12

/**
 * hook_caller() - who called the function that is being entered
 * @fregs: as the callback got them
 *
 * For when parent_ip is of nobody known: if a tracer waits for the function to return, a
 * direct call finds an address of the tracer's there. The kernel knows better, but has to
 * look at the stack for it. It sees through one tracer, not through two that wait for the
 * same function in different ways: so remember nothing that is not parent_ip as well.
 *
 * Context: any.
 * Return: an address in the caller; 0 if that cannot be found out.
 */
unsigned long hook_caller(struct ftrace_regs *fregs)
{
	unsigned long callers[CALLERS], ip = compat_ftrace_ip(fregs);
	unsigned int i, n = stack_trace_save(callers, CALLERS, 0);

	for (i = 0; i + 1 < n; i++)
		if (callers[i] == ip)
			return callers[i + 1];
	return 0;
}
