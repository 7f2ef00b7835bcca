// wire/msg/licenses.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/licenses.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::items, codec::since;

void fields(Archive& ar, LicenseInfoRequest& m) {
  ar("last_update", m.last_update);
  ar("show_flags", m.show_flags);
}

void fields(Archive& ar, LicenseInfo& m) {
  ar("name", m.name);
  ar("total", m.total);
  ar("in_use", m.in_use);
  ar("reserved", m.reserved);
  ar("remote", m.remote);
  ar("last_consumed", m.last_consumed, since(v23_02));
  ar("last_deficit", m.last_deficit, since(v23_02));
  ar("last_update", m.last_update, since(v23_02));
  ar("mode", m.mode, since(v25_05));
  ar("nodes", m.nodes, since(v25_05));
}

void fields(Archive& ar, LicenseInfoMsg& m) {
  auto n = static_cast<std::uint32_t>(m.lic_array.size());
  ar("num_lic", count(n));
  ar("last_update", m.last_update);
  ar("lic_array", items(m.lic_array, n));
}

}  // namespace flurm::wire
