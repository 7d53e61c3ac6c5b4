/* Firmware that a host trains and asks over the link. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_app.h"
#include "wagekit/wk_link.h"
#include "wagekit/wk_port.h"

/* Turns without anything to do before the processor sleeps: bytes of a frame that is coming in
 * shall find it awake, because waking takes an emulator longer than a byte. */
#define TURNS_AWAKE 4096u

int main(void) {
    wk_port_init();
    wk_app_init();
    wk_link_init();
    uint32_t turns_awake = TURNS_AWAKE;
    for (;;) {
        const bool talking = wk_link_poll();
        const bool computing = wk_app_poll();
        wk_port_feed_watchdog();
        if (talking || computing) {
            turns_awake = TURNS_AWAKE;
        } else if (turns_awake > 0) {
            turns_awake--;
        } else {
            wk_port_idle();
        }
    }
}
