// What libdw asks of its debuginfod client (elfutils, libdwfl/debuginfod-client.c), which loads a library at run time and downloads: here it has
// nothing, ever. In place of that file in the program that is linked statically. Any thread.
#include <cerrno>
#include <cstddef>

extern "C" {

struct Dwfl;

// Descriptors, or a negative errno.
int __libdwfl_debuginfod_find_executable(Dwfl*, const unsigned char*, std::size_t) { return -ENOSYS; }
int __libdwfl_debuginfod_find_debuginfo(Dwfl*, const unsigned char*, std::size_t) { return -ENOSYS; }
void __libdwfl_debuginfod_end(void*) {}

}  // extern "C"
