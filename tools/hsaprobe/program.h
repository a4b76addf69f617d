/* SPDX-License-Identifier: MIT */
/// What can be said of a program before it is executed.
#ifndef TOOL_PROGRAM_H
#define TOOL_PROGRAM_H

/// Why the dynamic linker will not preload a library into the program that execvp would find under
/// this name: "it is linked statically", "it runs as another user (setuid or setgid)", "it is not a
/// program for x86-64". NULL where nothing is against it, also where there is no such program (exec
/// tells that better). A script is judged by its interpreter.
const char *program_without_preload(const char *name);

#endif
