// wire/auth.cpp — the auth section, by plugin.
#include "wire/auth.hpp"

namespace flurm::wire {

void fields(codec::Archive& ar, AuthSection& m) {
  if (ar.kind() == codec::Kind::fuzz) {
    m = {};
    m.plugin_id = static_cast<std::uint32_t>(AuthSection::none + ar.choose(4));
  } else {
    ar("plugin_id", m.plugin_id);
  }
  switch (m.plugin_id) {
    case AuthSection::none:
      ar("uid", m.uid);
      ar("gid", m.gid);
      ar("hostname", m.credential);
      break;
    case AuthSection::jwt:
      ar("token", codec::secret(m.credential));
      ar("user_name", m.user_name);
      break;
    case AuthSection::munge:
    case AuthSection::slurm:
      ar("credential", codec::secret(m.credential));
      break;
    default:
      ar.reject("unknown authentication plugin");
  }
}

}  // namespace flurm::wire
