/* What a sketch of an export asks of Arduino. SPDX-License-Identifier: Apache-2.0 */
#ifndef ARDUINO_H
#define ARDUINO_H

struct Port {
    void begin(unsigned long baud);
    explicit operator bool() const;
    void print(const char *text);
    void print(long number);
};

extern Port Serial;

unsigned long millis();
void setup();
void loop();

#endif
