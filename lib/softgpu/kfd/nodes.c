/* SPDX-License-Identifier: MIT */
#include "softgpu/kfd/nodes.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_BYTES = 2048 };

static void emit(struct sg_nodes *nodes, const struct sg_node *node) {
    nodes->ok = nodes->ok && nodes->emit(nodes->context, node);
}

void sg_nodes_file(struct sg_nodes *nodes, const char *path, const char *format, ...) {
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    emit(nodes, &(struct sg_node){.kind = SG_NODE_FILE, .path = path, .content = text});
}

void sg_nodes_host_file(struct sg_nodes *nodes, const char *path, const char *more) {
    emit(nodes, &(struct sg_node){
                    .kind = SG_NODE_FILE, .path = path, .content = more, .host_first = true});
}

void sg_nodes_live_file(struct sg_nodes *nodes, const char *path, enum sg_live live,
                        uint32_t gpu_index) {
    emit(nodes, &(struct sg_node){
                    .kind = SG_NODE_FILE, .path = path, .live = live, .gpu_index = gpu_index});
}

void sg_nodes_link(struct sg_nodes *nodes, const char *path, const char *target) {
    emit(nodes, &(struct sg_node){.kind = SG_NODE_LINK, .path = path, .content = target});
}

void sg_nodes_directory(struct sg_nodes *nodes, const char *path) {
    emit(nodes, &(struct sg_node){.kind = SG_NODE_DIRECTORY, .path = path});
}

void sg_nodes_device(struct sg_nodes *nodes, const char *path, uint32_t major, uint32_t minor) {
    emit(nodes,
         &(struct sg_node){.kind = SG_NODE_DEVICE, .path = path, .major = major, .minor = minor});
}
