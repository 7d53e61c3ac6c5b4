/* What an SPI controller gives the driver of a serial flash. SPDX-License-Identifier: Apache-2.0 */
#ifndef WK_SPI_H
#define WK_SPI_H

#include <stdint.h>

void wk_spi_init(void);

/* Select the flash, send, receive, deselect. At most 4 + 64 bytes together. */
void wk_spi_transfer(const uint8_t *sent, uint32_t send_bytes, uint8_t *received,
                     uint32_t receive_bytes);

#endif
