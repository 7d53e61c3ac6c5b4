/* Zephyr's console, on the host. SPDX-License-Identifier: Apache-2.0 */
#ifndef PRINTK_H
#define PRINTK_H

int printf(const char *format, ...);
#define printk printf

#endif
