// A file that is mapped while its owner cuts it short: the kernel answers a look at what is gone with SIGBUS, which would end us. Here what
// is gone reads as zeros, which every reader of a file takes as damage. Process-wide.
#pragma once

namespace fdr {

// Before anything is mapped. Other kinds of SIGBUS end the process as ever.
void survive_cut_files();

}  // namespace fdr
