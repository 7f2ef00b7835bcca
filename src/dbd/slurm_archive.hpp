// dbd/slurm_archive.hpp — the binary files that a slurmdbd of release 20.11 or later leaves when it purges (ArchiveJobs
// and its kin), as data: rows to insert into its tables, as they are called in its database.
//
// A file is a header (protocol version, time, what it holds, cluster, number of records; of usage also the period) and
// the records' columns, all of them texts. Which columns there are and in which order depends on the release. Source of
// the layout: slurm 22.05 src/plugins/accounting_storage/mysql/as_mysql_archive.c, and that of later releases.
#pragma once
#include <functional>
#include <string_view>

#include "base/result.hpp"
#include "dbd/sql_text.hpp"

namespace flurm::dbd {

/// It begins like such a file.
bool is_slurm_archive(std::string_view bytes);

/// Hands `take` the rows, some hundreds at a time; its error ends the reading. Tables are named as in 22.05's database:
/// "linux_job_table". Errors: corrupt (cut off, or with something behind its end), einval (of a release or a kind that
/// is not known here), whatever `take` returns.
Result<void> read_slurm_archive(std::string_view bytes, const std::function<Result<void>(const SqlStatement&)>& take);

}  // namespace flurm::dbd
