// fuzz/fuzz_seeds.cpp — writes samples for the fuzz targets into FOLDER/messages, FOLDER/frame and
// FOLDER/streams.
#include <cstdio>
#include <fstream>

#include "fmt/format.h"
#include "wire/header.hpp"
#include "wire/registry.hpp"

using namespace flurm;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: fuzz_seeds FOLDER\n", stderr);
    return 2;
  }
  for (const wire::MessageInfo& info : wire::messages()) {
    for (std::size_t i = 0; i < wire::kVersions.size(); ++i) {
      std::uint16_t version = wire::kVersions[i];
      if (!info.in(version)) continue;
      std::string body = info.pack(info.fuzz(1, version).get(), version);
      auto number = static_cast<std::uint16_t>(info.type);
      std::string name = fmt::format("{}-{}", info.name(), wire::release_name(version));
      std::ofstream(fmt::format("{}/messages/{}", argv[1], name))
          << static_cast<char>(number >> 8) << static_cast<char>(number) << static_cast<char>(i) << body;
      wire::Header header;
      header.version = version;
      header.msg_type = info.type;
      header.forward = {2, "n[1-2]", 1000, 16, "", 1};
      header.ret_list = {{0, wire::MsgType::RESPONSE_SLURM_RC, "n1", std::string(4, '\0')}};
      std::ofstream(fmt::format("{}/frame/{}", argv[1], name))
          << wire::build_frame(header, wire::AuthSection{}, body).substr(4);
    }
  }
  std::ofstream(fmt::format("{}/streams/sql", argv[1]))
      << " insert into job_table (jobid, `name`) values ('7', 'it''s \\n'), (8, NULL)\n"
         "on duplicate key update id=LAST_INSERT_ID(id), name=VALUES(name);\n"
         "truncate table \"c_job_table\"; delete from step_table where cluster='c';";
}
