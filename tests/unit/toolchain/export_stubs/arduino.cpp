/* Runs a sketch on the host; its serial port is stdout. SPDX-License-Identifier: Apache-2.0 */
#include "Arduino.h"
#include <stdio.h>

Port Serial;

void Port::begin(unsigned long) {
}

Port::operator bool() const {
    return true;
}

void Port::print(const char *text) {
    fputs(text, stdout);
}

void Port::print(long number) {
    printf("%ld", number);
}

unsigned long millis() {
    return 0;
}

int main() {
    setup();
    loop();
    return 0;
}
