/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers in network order and the Internet checksum (RFC 1071), for programs that write packets by hand. */
#include <stdint.h>

/* Writes the lowest octets of `value`, the highest first. */
static void big(uint8_t *at, uint32_t value, int octets)
{
	while (octets-- > 0)
		*at++ = (uint8_t)(value >> octets * 8);
}

/* Adds up, in words of 16 bits, what is at `at`; an odd octet counts as the high one. */
static uint32_t sum(const uint8_t *at, unsigned int length, uint32_t start)
{
	for (unsigned int i = 0; i < length; i++)
		start += (uint32_t)at[i] << (i & 1 ? 0 : 8);
	return start;
}

/* The checksum of a sum. */
static uint16_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return (uint16_t)~value;
}
