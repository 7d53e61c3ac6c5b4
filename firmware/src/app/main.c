/* Firmware that a host trains and asks over the link. SPDX-License-Identifier: Apache-2.0 */
#include "wagekit/wk_app.h"
#include "wagekit/wk_link.h"
#include "wagekit/wk_port.h"

int main(void) {
    wk_port_init();
    wk_app_init();
    wk_link_init();
    for (;;) {
        wk_link_poll();
        wk_app_poll();
        wk_port_feed_watchdog();
    }
}
