/* The link engine: one session, requests in order, each executed once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_app.h"
#include "wagekit/wk_fault.h"
#include "wagekit/wk_link.h"
#include "wagekit/wk_port.h"

/* Two requests of the window and the frame that is coming in: a duplicate must be recognised
 * although both places are taken. */
#define PLACES (WK_LINK_WINDOW + 1u)
#define SMALL_FRAME_BYTES (WK_HEADER_BYTES + WK_FRAME_BYTES_MIN + WK_CRC_BYTES)
#define FIRST_REPLY WK_REPLY
/* Fewer bytes of an unfinished frame are not worth the hundred instructions of a look, and more are
 * decoded in pieces, so that the receive ring gets their places back soon. */
#define PIECE_BYTES 48u
_Static_assert(2u * PIECE_BYTES <= WK_RX_RING_BYTES, "the receive ring is too small for the link");
/* A request that is answered sooner needs no frame of its own that says that it came. */
#define ACK_AFTER_TICKS (WK_PORT_TICK_HZ / 1000u * WK_ACK_AFTER_MS)

typedef struct {
    uint32_t size;     /* of the payload */
    uint32_t received; /* ticks, cut to their low half */
    uint16_t sequence;
    uint8_t type;
    uint8_t place;
    bool acknowledged;
} request_t;

static struct {
    wk_decoder_t decoder;
    wk_link_stats_t stats;
    uint32_t nonce;
    uint16_t session; /* 0: none since reset */
    uint16_t next;    /* sequence number to accept next */
    request_t held[WK_LINK_WINDOW];
    uint8_t held_count;
    uint8_t incoming;                     /* place of the frame that is coming in */
    bool running;                         /* a request was begun and not yet answered */
    request_t current;                    /* which one */
    uint16_t answer_size[WK_LINK_WINDOW]; /* header and payload; 0: none yet */
} link;

static uint8_t received[PLACES][WK_LINK_BUFFER_BYTES];
/* The last two answers, to be sent again; at the end of all, the room of a FAULT frame. */
static uint8_t answers[WK_LINK_WINDOW * WK_LINK_BUFFER_BYTES];

_Static_assert(WK_HEADER_BYTES + WK_FAULT_BYTES + WK_CRC_BYTES <= sizeof answers,
               "a FAULT frame does not fit the buffers of two answers");
_Static_assert((int)WK_FAULT_HARD == (int)WK_FAULT_CAUSE_HARD &&
                   (int)WK_FAULT_STACK == (int)WK_FAULT_CAUSE_STACK &&
                   (int)WK_FAULT_EXCEPTION == (int)WK_FAULT_CAUSE_EXCEPTION,
               "wk_fault.h and the schema of the link disagree on the causes");

static uint8_t *put_header(uint8_t *frame, uint16_t session, uint16_t sequence, uint8_t type) {
    uint8_t *at = wk_put_u8(frame, WK_PROTOCOL_VERSION);
    at = wk_put_u16(at, session);
    at = wk_put_u16(at, sequence);
    at = wk_put_u8(at, type);
    return wk_put_u8(at, 0);
}

static void send(uint8_t *frame, const uint8_t *end) {
    link.stats.sent++;
    wk_send_frame(frame, (uint32_t)(end - frame));
}

static uint8_t *answer_of(uint16_t sequence) {
    return answers + (sequence % WK_LINK_WINDOW) * WK_LINK_BUFFER_BYTES;
}

static void send_ack(uint16_t sequence) {
    uint8_t frame[WK_HEADER_BYTES + WK_ACK_BYTES + WK_CRC_BYTES];
    const wk_ack_t ack = {
        .progress = wk_app_progress(),
        .running = link.running && link.current.sequence == sequence,
    };
    uint8_t *at = put_header(frame, link.session, sequence, WK_MSG_ACK);
    send(frame, wk_put_ack(at, &ack));
}

/* The one frame that every version of the protocol understands. */
static void send_version_error(const uint8_t *request) {
    uint8_t frame[WK_HEADER_BYTES + WK_ERROR_BYTES + WK_CRC_BYTES];
    const wk_error_t error = {
        .code = WK_ERROR_VERSION, .value = request[0], .limit = WK_PROTOCOL_VERSION};
    uint8_t *at = put_header(frame, wk_get_u16(request + 1), wk_get_u16(request + 3), WK_MSG_ERROR);
    send(frame, wk_put_error(at, &error));
}

static void send_no_session(uint16_t session, uint16_t sequence) {
    uint8_t frame[WK_HEADER_BYTES + WK_NO_SESSION_BYTES + WK_CRC_BYTES];
    const wk_no_session_t notice = {.open = link.session != 0};
    uint8_t *at = put_header(frame, session, sequence, WK_MSG_NO_SESSION);
    send(frame, wk_put_no_session(at, &notice));
}

static void open_session(uint16_t session, uint32_t nonce) {
    link.session = session;
    link.nonce = nonce;
    link.next = 1;
    link.held_count = 0;
    link.running = false;
    for (uint32_t i = 0; i < WK_LINK_WINDOW; i++) {
        link.answer_size[i] = 0;
    }
    wk_app_abandon();
}

/* `frame` holds the request and is the room of the answer. */
static void take_hello(uint8_t *frame, uint32_t payload_size) {
    wk_hello_request_t request;
    const uint16_t session = wk_get_u16(frame + 1);
    if (!wk_get_hello(frame + WK_HEADER_BYTES, payload_size, &request) || session == 0) {
        link.stats.dropped++;
        return;
    }
    if (session != link.session || request.nonce != link.nonce) {
        open_session(session, request.nonce);
    }
    wk_hello_reply_t reply = {.nonce = request.nonce};
    wk_app_hello(&reply);
    uint8_t *at = put_header(frame, session, 0, WK_MSG_HELLO | WK_REPLY);
    send(frame, wk_put_hello_reply(at, &reply));
}

static bool is_held(uint16_t sequence) {
    for (uint32_t i = 0; i < link.held_count; i++) {
        if (link.held[i].sequence == sequence) {
            return true;
        }
    }
    return false;
}

/* A place that no held request uses. */
static uint8_t free_place(void) {
    uint8_t place = 0;
    for (uint32_t i = 0; i < link.held_count;) {
        if (link.held[i].place == place) {
            place++;
            i = 0;
        } else {
            i++;
        }
    }
    return place;
}

static void hold(uint16_t sequence, uint8_t type, uint32_t payload_size) {
    link.held[link.held_count] = (request_t){
        .size = payload_size,
        .received = (uint32_t)wk_port_ticks(),
        .sequence = sequence,
        .type = type,
        .place = link.incoming,
    };
    link.held_count++;
    link.next++;
    link.incoming = free_place();
}

static void take_again(uint16_t sequence) {
    uint8_t *answer = answer_of(sequence);
    const uint16_t size = link.answer_size[sequence % WK_LINK_WINDOW];
    if (is_held(sequence) || (link.running && link.current.sequence == sequence)) {
        link.stats.duplicates++;
        send_ack(sequence);
    } else if (size > 0 && wk_get_u16(answer + 3) == sequence) {
        link.stats.duplicates++;
        send(answer, answer + size);
    } else {
        link.stats.dropped++;
    }
}

/* A whole frame has come in. */
static void take_frame(uint8_t *frame, uint32_t size) {
    const uint16_t session = wk_get_u16(frame + 1);
    const uint16_t sequence = wk_get_u16(frame + 3);
    const uint8_t type = frame[5];
    const uint32_t payload_size = size - WK_HEADER_BYTES;
    link.stats.frames++;
    if (frame[0] != WK_PROTOCOL_VERSION) {
        send_version_error(frame);
    } else if (type >= FIRST_REPLY) {
        link.stats.dropped++; /* our own words: something echoes */
    } else if (type == WK_MSG_HELLO) {
        take_hello(frame, payload_size);
    } else if (link.session == 0 || session != link.session) {
        link.stats.dropped++;
        send_no_session(session, sequence);
    } else if (sequence != link.next) {
        take_again(sequence);
    } else if (link.held_count == WK_LINK_WINDOW) {
        link.stats.dropped++;
    } else {
        hold(sequence, type, payload_size);
    }
}

/* True if any byte was there. */
static bool receive(void) {
    uint32_t budget = WK_RX_RING_BYTES; /* so that an endless stream cannot stop the computation */
    const uint8_t *bytes;
    uint32_t count;
    while (budget > 0 && (count = wk_port_received(&bytes, PIECE_BYTES)) > 0) {
        uint8_t *frame = received[link.incoming];
        uint32_t taken;
        count = count < PIECE_BYTES ? count : PIECE_BYTES;
        const wk_decode_t found =
            wk_decode(&link.decoder, bytes, count, frame, WK_LINK_BUFFER_BYTES, &taken);
        wk_port_release(taken);
        budget -= taken < budget ? taken : budget;
        if (found == WK_DECODE_FRAME) {
            take_frame(frame, link.decoder.size);
        } else if (found == WK_DECODE_BAD) {
            link.stats.crc_errors++;
        }
    }
    return budget < WK_RX_RING_BYTES;
}

static void answer(uint16_t sequence, uint8_t type, const wk_reply_t *reply) {
    uint8_t *frame = answer_of(sequence);
    uint8_t *end;
    if (reply->error != 0) {
        const wk_error_t error = {
            .code = reply->error, .value = reply->value, .limit = reply->limit};
        end = wk_put_error(put_header(frame, link.session, sequence, WK_MSG_ERROR), &error);
    } else {
        const uint8_t reply_type = (uint8_t)(type | WK_REPLY);
        end = put_header(frame, link.session, sequence, reply_type) + reply->size;
    }
    link.answer_size[sequence % WK_LINK_WINDOW] = (uint16_t)(end - frame);
    send(frame, end);
    wk_app_answered();
}

static void release_first(void) {
    link.held_count--;
    for (uint32_t i = 0; i < link.held_count; i++) {
        link.held[i] = link.held[i + 1];
    }
}

/* Offer the oldest request; false if nothing more can be done now. */
static bool begin_next(void) {
    if (link.running || link.held_count == 0 || wk_app_must_wait(link.held[0].type)) {
        return false;
    }
    const request_t request = link.held[0];
    const uint8_t *frame = received[request.place];
    release_first();
    wk_reply_t reply = {.payload = answer_of(request.sequence) + WK_HEADER_BYTES};
    const wk_app_status_t status =
        wk_app_begin(request.type, frame + WK_HEADER_BYTES, request.size, &reply);
    if (status == WK_APP_RUNNING) {
        link.running = true;
        link.current = request;
        return false;
    }
    answer(request.sequence, request.type, &reply);
    return true;
}

/* `now` may be a little before it came. */
static void acknowledge(request_t *request, uint32_t now) {
    if (!request->acknowledged && (int32_t)(now - request->received) >= (int32_t)ACK_AFTER_TICKS) {
        request->acknowledged = true;
        send_ack(request->sequence);
    }
}

static void acknowledge_waiting(void) {
    if (!link.running && link.held_count == 0) {
        return;
    }
    const uint32_t now = wk_app_recent_ticks();
    if (link.running) {
        acknowledge(&link.current, now);
    }
    for (uint32_t i = 0; i < link.held_count; i++) {
        acknowledge(&link.held[i], now);
    }
}

bool wk_link_poll(void) {
    const bool any = receive();
    if (link.running) {
        wk_reply_t reply = {.payload = answer_of(link.current.sequence) + WK_HEADER_BYTES};
        if (wk_app_finish(&reply) == WK_APP_DONE) {
            link.running = false;
            answer(link.current.sequence, link.current.type, &reply);
        }
    }
    while (begin_next()) {
    }
    acknowledge_waiting();
    return any;
}

void wk_link_init(void) {
    link.session = 0;
    link.held_count = 0;
    link.incoming = 0;
    link.running = false;
    link.decoder = (wk_decoder_t){.size = 0};
    link.stats = (wk_link_stats_t){.frames = 0};
}

const wk_link_stats_t *wk_link_stats(void) {
    return &link.stats;
}

void wk_link_log(uint8_t level, const char *text) {
    uint8_t frame[SMALL_FRAME_BYTES];
    const wk_log_t head = {.level = level};
    uint8_t *at = wk_put_log(put_header(frame, link.session, 0, WK_MSG_LOG), &head);
    for (uint32_t i = 0; i < WK_FRAME_BYTES_MIN - WK_LOG_BYTES && text[i]; i++) {
        at = wk_put_u8(at, (uint8_t)text[i]);
    }
    send(frame, at);
}

void wk_link_send_fault(const wk_fault_info_t *info) {
    const wk_fault_t fault = {
        .cause = info->cause,
        .r0 = info->r0,
        .r1 = info->r1,
        .r2 = info->r2,
        .r3 = info->r3,
        .r12 = info->r12,
        .lr = info->lr,
        .pc = info->pc,
        .psr = info->psr,
        .sp = info->sp,
        .cfsr = info->cfsr,
        .hfsr = info->hfsr,
        .mmfar = info->mmfar,
        .bfar = info->bfar,
        .exception = info->exception,
        .file = info->file,
        .line = info->line,
    };
    const uint8_t end_of_cut_frame = 0;
    for (uint32_t i = 0; i < WK_FAULT_REPEATS; i++) {
        wk_port_write(&end_of_cut_frame, 1);
        send(answers, wk_put_fault(put_header(answers, link.session, 0, WK_MSG_FAULT), &fault));
    }
}
