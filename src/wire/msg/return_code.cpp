// wire/msg/return_code.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/return_code.hpp"

namespace flurm::wire {

using codec::Archive;

void fields(Archive& ar, ReturnCode& m) { ar("return_code", m.return_code); }

void fields(Archive& ar, ReturnCode2& m) {
  ar("return_code", m.return_code);
  ar("err_msg", m.err_msg);
}

}  // namespace flurm::wire
