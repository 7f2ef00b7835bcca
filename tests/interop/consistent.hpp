// tests/interop/consistent.hpp — random messages made acceptable to Slurm, whose unpackers check that counts agree
// and that plugins exist. What is changed here is what the library would otherwise refuse or lose.
#pragma once
#include "wire/msg_type.hpp"

namespace flurm::interop {

/// `message` must be the structure that the registry gives for `type`.
void make_consistent(wire::MsgType type, void* message);

/// Why the library cannot pack what it unpacked, or nullptr when it can.
const char* one_way_reason(wire::MsgType type);

}  // namespace flurm::interop
