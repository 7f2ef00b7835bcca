/* A SPANK plugin for the tests: writes down every call, and what each item answers there. First argument: the folder
 * for its notes, one file for each context; then any of: fail=CALL (refuse there), crash=CALL, say (log to the user). */
#include <slurm/spank.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

SPANK_PLUGIN(witness, 1);

static const char *context_name(void)
{
	static const char *names[] = {"error", "local", "remote", "allocator", "slurmd", "job_script"};
	return names[spank_context()];
}

/* Root begins a file, the user may go on with it. */
static FILE *notes(spank_t sp, char **argv)
{
	char path[4096];
	uint32_t node = 0, step = 0;
	FILE *out;
	if (spank_context() == S_CTX_REMOTE) {
		spank_get_item(sp, S_JOB_NODEID, &node);
		spank_get_item(sp, S_JOB_STEPID, &step);
	}
	snprintf(path, sizeof path, "%s/%s.%d.%u", argv[0], context_name(), (int)step, node);
	out = fopen(path, "a");
	if (out && geteuid() == 0)
		fchmod(fileno(out), 0666);
	return out;
}

static void text(FILE *out, const char *name, int rc, const char *value)
{
	fprintf(out, "  %s rc=%d %s\n", name, rc, rc == 0 ? value ? value : "(null)" : "");
}

static void number(FILE *out, const char *name, int rc, uint64_t value)
{
	char digits[32];
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
	text(out, name, rc, digits);
}

#define NUMBER(type, item)                                    \
	do {                                                  \
		type value = 0;                               \
		int rc = spank_get_item(sp, item, &value);    \
		number(out, #item, rc, (uint64_t)value);      \
	} while (0)
#define TEXT(item)                                            \
	do {                                                  \
		char *value = NULL;                           \
		int rc = spank_get_item(sp, item, &value);    \
		text(out, #item, rc, value);                  \
	} while (0)
#define NAME(item, from)                                                     \
	do {                                                                 \
		uint32_t to = 0;                                             \
		int rc = spank_get_item(sp, item, from, &to);                \
		number(out, #item, rc, to);                                  \
	} while (0)

static char *wanted;
static int noticed_value;
static int notice(int value, const char *argument, int remote)
{
	noticed_value = value * 10 + remote;
	free(wanted);
	wanted = argument ? strdup(argument) : NULL;
	return 0;
}
struct spank_option spank_options[] = {
	{"witness-word", "word", "A word for the witness.", 1, 7, notice},
	SPANK_OPTIONS_TABLE_END};
static struct spank_option flag = {"witness-flag", NULL, "A flag for the witness.", 0, 9, NULL};
static struct spank_option unused = {"witness-unused", NULL, "Never given.", 0, 11, NULL};

static int seen(spank_t sp, const char *call, int argc, char **argv)
{
	FILE *out = notes(sp, argv);
	char refuse[64], crash[64], buffer[64] = "";
	char **list = NULL, *argument = NULL;
	gid_t *gids = NULL;
	int count = 0, rc, i, say = 0;
	pid_t pid = 0;

	if (!out)
		return 0;
	snprintf(refuse, sizeof refuse, "fail=%s", call);
	snprintf(crash, sizeof crash, "crash=%s", call);
	for (i = 1, rc = 0; i < argc; ++i) {
		if (!strcmp(argv[i], refuse) && spank_remote(sp) == 1)
			rc = -1;
		if (!strcmp(argv[i], crash) && spank_remote(sp) == 1)
			abort();
		if (!strcmp(argv[i], "say"))
			say = 1;
	}
	if (rc) {
		fprintf(out, "%s refuses\n", call);
		fclose(out);
		return rc;
	}
	fprintf(out, "%s remote=%d euid=%s\n", call, spank_remote(sp), geteuid() == 0 ? "root" : "user");
	NUMBER(uid_t, S_JOB_UID);
	NUMBER(gid_t, S_JOB_GID);
	NUMBER(uint32_t, S_JOB_ID);
	NUMBER(uint32_t, S_JOB_STEPID);
	NUMBER(uint32_t, S_JOB_NNODES);
	NUMBER(uint32_t, S_JOB_NODEID);
	NUMBER(uint32_t, S_JOB_LOCAL_TASK_COUNT);
	NUMBER(uint32_t, S_JOB_TOTAL_TASK_COUNT);
	NUMBER(uint16_t, S_JOB_NCPUS);
	NUMBER(uint32_t, S_STEP_CPUS_PER_TASK);
	NUMBER(uint32_t, S_SLURM_RESTART_COUNT);
	NUMBER(uint32_t, S_JOB_ARRAY_ID);
	NUMBER(uint32_t, S_JOB_ARRAY_TASK_ID);
	NUMBER(uint64_t, S_JOB_ALLOC_MEM);
	NUMBER(uint64_t, S_STEP_ALLOC_MEM);
	TEXT(S_JOB_ALLOC_CORES);
	TEXT(S_STEP_ALLOC_CORES);
	TEXT(S_SLURM_VERSION);
	TEXT(S_SLURM_VERSION_MAJOR);
	TEXT(S_SLURM_VERSION_MINOR);
	TEXT(S_SLURM_VERSION_MICRO);
	NUMBER(int, S_TASK_ID);
	NUMBER(uint32_t, S_TASK_GLOBAL_ID);
	NUMBER(int, S_TASK_EXIT_STATUS);
	rc = spank_get_item(sp, S_TASK_PID, &pid);
	text(out, "S_TASK_PID", rc, pid == 0 ? "none" : pid == getpid() ? "mine" : "another");
	NAME(S_JOB_PID_TO_GLOBAL_ID, pid);
	NAME(S_JOB_PID_TO_LOCAL_ID, pid);
	NAME(S_JOB_LOCAL_TO_GLOBAL_ID, (uint32_t)0);
	NAME(S_JOB_GLOBAL_TO_LOCAL_ID, (uint32_t)1);
	NAME(S_JOB_GLOBAL_TO_LOCAL_ID, (uint32_t)99);
	rc = spank_get_item(sp, S_JOB_ARGV, &count, &list);
	fprintf(out, "  S_JOB_ARGV rc=%d %d", rc, count);
	for (i = 0; rc == 0 && i < count; ++i)
		fprintf(out, " %s", list[i]);
	fputc('\n', out);
	list = NULL;
	rc = spank_get_item(sp, S_JOB_ENV, &list);
	for (count = 0; rc == 0 && list && list[count]; ++count)
		;
	fprintf(out, "  S_JOB_ENV rc=%d %s\n", rc, count > 3 ? "some" : "none");
	rc = spank_get_item(sp, S_JOB_SUPPLEMENTARY_GIDS, &gids, &count);
	fprintf(out, "  S_JOB_SUPPLEMENTARY_GIDS rc=%d\n", rc);
	rc = spank_getenv(sp, "WITNESSED", buffer, sizeof buffer);
	text(out, "getenv", rc, buffer);
	rc = spank_getenv(sp, "WITNESSED", buffer, 3);
	text(out, "getenv, short", rc, buffer);
	fprintf(out, "  setenv rc=%d\n", spank_setenv(sp, "WITNESS", call, 1));
	fprintf(out, "  setenv again rc=%d\n", spank_setenv(sp, "WITNESS", "not", 0));
	fprintf(out, "  unsetenv rc=%d\n", spank_unsetenv(sp, "WITNESS_GOES"));
	if (spank_context() != S_CTX_JOB_SCRIPT) /* slurmstepd crashes there */
		fprintf(out, "  job control %d %d %d\n", spank_job_control_setenv(sp, "W", call, 1),
			spank_job_control_getenv(sp, "W", buffer, sizeof buffer), spank_job_control_unsetenv(sp, "W2"));
	rc = spank_option_getopt(sp, spank_options, &argument);
	text(out, "getopt witness-word", rc, argument);
	fprintf(out, "  getopt witness-flag rc=%d\n", spank_option_getopt(sp, &flag, NULL));
	fprintf(out, "  getopt witness-unused rc=%d\n", spank_option_getopt(sp, &unused, NULL));
	fprintf(out, "  callback %d %s\n", noticed_value, wanted ? wanted : "(none)");
	fclose(out);
	if (say) {
		slurm_spank_log("witness: %s", call);
		slurm_error("witness error: %s", call);
	}
	return 0;
}

#define CALL(name)                                                  \
	int slurm_spank_##name(spank_t sp, int ac, char **av)       \
	{                                                           \
		return seen(sp, #name, ac, av);                     \
	}
int slurm_spank_init(spank_t sp, int ac, char **av)
{
	if (spank_context() != S_CTX_SLURMD && spank_option_register(sp, &flag) != ESPANK_SUCCESS)
		return -1;
	return seen(sp, "init", ac, av);
}
CALL(job_prolog)
CALL(init_post_opt)
CALL(local_user_init)
CALL(user_init)
CALL(task_init_privileged)
CALL(task_init)
CALL(task_post_fork)
CALL(task_exit)
CALL(job_epilog)
CALL(slurmd_exit)
CALL(exit)
