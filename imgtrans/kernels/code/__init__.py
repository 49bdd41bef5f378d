"""What the kernels do, written down in LLVM's language; nothing here computes."""
