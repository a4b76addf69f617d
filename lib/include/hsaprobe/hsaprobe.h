/* SPDX-License-Identifier: MIT */
/// All of the library.
#ifndef HSAPROBE_HSAPROBE_H
#define HSAPROBE_HSAPROBE_H

#include <hsaprobe/agent.h>
#include <hsaprobe/base.h>
#include <hsaprobe/code_object.h>
#include <hsaprobe/compile.h>
#include <hsaprobe/descriptor.h>
#include <hsaprobe/disassembly.h>
#include <hsaprobe/dispatch.h>
#include <hsaprobe/launch.h>
#include <hsaprobe/memory.h>
#include <hsaprobe/pool.h>
#include <hsaprobe/queue.h>
#include <hsaprobe/record.h>
#include <hsaprobe/runtime.h>
#include <hsaprobe/signal.h>
#include <hsaprobe/stats.h>

#endif
