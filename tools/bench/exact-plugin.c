// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of qemu that counts the guest's instructions, block by block.
 *
 *	qemu-system-x86_64 ... -plugin exact-plugin.so,out=FILE
 *
 * A program in the guest (exact-mark.c) begins and ends what is counted. The Nth end writes
 * FILE.N, from 0: a line for each block that ran, with its address, its instructions, and how
 * often it ran. Blocks that begin at the same address and differ in length have a line each.
 *
 * Debian packages no header for plugins; what is used of API version 4 is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact-mark.h"

#define PUBLIC __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*f)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*f)(unsigned int, void *),
					  int registers, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*f)(unsigned int, void *), int registers, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t size);

PUBLIC int qemu_plugin_version = 4;

struct block {
	uint64_t at, instructions, runs, runs_before;
	struct block *next;
};

#define BUCKETS (1 << 18)
static struct block *blocks[BUCKETS];
static const char *out;
static int ends;

static void ran(unsigned int cpu, void *block)
{
	(void)cpu;
	((struct block *)block)->runs++;
}

static void begin(unsigned int cpu, void *unused)
{
	(void)cpu;
	(void)unused;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *block = blocks[i]; block; block = block->next)
			block->runs_before = block->runs;
}

static void end(unsigned int cpu, void *unused)
{
	char name[4096];
	FILE *file;

	(void)cpu;
	(void)unused;
	snprintf(name, sizeof(name), "%s.%d", out, ends++);
	file = fopen(name, "w");
	if (!file) {
		perror(name);
		exit(1);
	}
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *block = blocks[i]; block; block = block->next)
			if (block->runs > block->runs_before)
				fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n", block->at,
					block->instructions, block->runs - block->runs_before);
	fclose(file);
}

/* The block at an address; code is translated again and again, and counted on. */
static struct block *block_of(uint64_t at, uint64_t instructions)
{
	struct block **bucket = &blocks[(at * 0x9e3779b97f4a7c15u) >> 46], *block;

	for (block = *bucket; block; block = block->next)
		if (block->at == at && block->instructions == instructions)
			return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	*block = (struct block){ .at = at, .instructions = instructions, .next = *bucket };
	*bucket = block;
	return block;
}

static void look_for_marks(const struct qemu_plugin_tb *tb, size_t instructions)
{
	static const unsigned char marks[2][MARK_SIZE] = { { MARK(MARK_BEGIN) }, { MARK(MARK_END) } };
	unsigned char octets[MARK_SIZE];

	for (size_t i = 0; i < instructions; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (qemu_plugin_insn_data(insn, octets, sizeof(octets)) != sizeof(octets))
			continue;
		if (!memcmp(octets, marks[0], sizeof(octets)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, NO_REGISTERS, NULL);
		else if (!memcmp(octets, marks[1], sizeof(octets)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end, NO_REGISTERS, NULL);
	}
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb);
	size_t instructions = qemu_plugin_tb_n_insns(tb);
	bool is_kernel = at >> 63;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, ran, NO_REGISTERS, block_of(at, instructions));
	if (!is_kernel)
		look_for_marks(tb, instructions);
}

PUBLIC int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
	if (!out) {
		fprintf(stderr, "exact-plugin: where to? -plugin exact-plugin.so,out=FILE\n");
		return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
