/* Status codes of the runtime's calls. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_STATUS_H
#define WK_STATUS_H

/* Kernels return void, because the generator validated their parameters; everything
 * that takes bytes from outside or runs in slices returns one of these. */
typedef enum {
    WK_OK = 0,        /* done */
    WK_BUSY = 1,      /* a program is under way: call poll again */
    WK_ERR_RANGE = 2, /* a value outside its grid, or an index outside its tensor */
    WK_ERR_STATE = 3, /* the call does not fit the present state */
} wk_status_t;

#endif
