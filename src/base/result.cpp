// base/result.cpp — texts of the error codes, and the end of a process whose own invariant broke.
#include "base/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace flurm {

std::string_view errc_text(Errc code) {
  switch (code) {
#define X(name, number, text) \
  case Errc::name:            \
    return text;
#include "base/errors.def"
#undef X
  }
  return "Unknown error";
}

std::string_view errc_name(Errc code) {
  switch (code) {
#define X(name, number, text) \
  case Errc::name:            \
    return #name;
#include "base/errors.def"
#undef X
  }
  return "unknown";
}

void check_failed(const char* file, int line, const char* condition, const std::string& detail) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s %s\n", file, line, condition, detail.c_str());
  std::abort();
}

}  // namespace flurm
