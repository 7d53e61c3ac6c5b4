/* The link application: a network that a host trains and asks over the link.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_APP_H
#define WK_APP_H

#include "wk_config.h"
#include "wk_protocol.h"
#include <stdbool.h>
#include <stdint.h>

/* An answer under construction. */
typedef struct {
    uint8_t *payload; /* WK_FRAME_BYTES of room */
    uint32_t size;    /* bytes written */
    uint32_t value;   /* with an error: the wrong value and its limit */
    uint32_t limit;
    uint8_t error; /* 0, or WK_ERROR_* */
} wk_reply_t;

typedef enum {
    WK_APP_DONE,    /* the reply is complete */
    WK_APP_RUNNING, /* begun, the request's bytes are no longer needed; wk_app_finish tells the end
                     */
} wk_app_status_t;

/* As after a reset: the newest checkpoint of this network, where the board keeps any, or the
 * built-in masters, step 0 and seed 0; an empty store. */
void wk_app_init(void);

/* One slice of what is under way; false if nothing is. */
bool wk_app_poll(void);

/* Whether a request of this type must wait, because of what is under way. Asked between slices. */
bool wk_app_must_wait(uint8_t type);

/* Execute a request that need not wait; called by the link. */
wk_app_status_t wk_app_begin(uint8_t type, const uint8_t *payload, uint32_t size,
                             wk_reply_t *reply);

/* WK_APP_DONE and the reply once the request that returned WK_APP_RUNNING is done. */
wk_app_status_t wk_app_finish(wk_reply_t *reply);

/* Called by the link after its answer to a request was sent: restarts or ends, if asked to. */
void wk_app_answered(void);

/* A new session: nobody waits for the request under way. */
void wk_app_abandon(void);

/* Fields of the hello answer. */
void wk_app_hello(wk_hello_reply_t *hello);

/* Grows with every slice and every request. */
uint32_t wk_app_progress(void);

/* The lower half of the port's counter, as it is or as it was after the last slice: some counters
 * are slow to read. */
uint32_t wk_app_recent_ticks(void);

#endif
