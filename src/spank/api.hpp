// spank/api.hpp — the functions that plugins call, as slurm/spank.h declares them. The program that loads plugins
// exports them (programs.cmake).
#pragma once
#include "spank/abi.hpp"

extern "C" {
const char* spank_strerror(int code);
int spank_symbol_supported(const char* symbol);
int spank_remote(flurm::spank::Handle* handle);
int spank_context();
int spank_option_register(flurm::spank::Handle* handle, flurm::spank::COption* option);
int spank_option_getopt(flurm::spank::Handle* handle, flurm::spank::COption* option, char** argument);
int spank_get_item(flurm::spank::Handle* handle, int item, ...);
int spank_getenv(flurm::spank::Handle* handle, const char* name, char* buffer, int size);
int spank_setenv(flurm::spank::Handle* handle, const char* name, const char* value, int overwrite);
int spank_unsetenv(flurm::spank::Handle* handle, const char* name);
int spank_job_control_setenv(flurm::spank::Handle* handle, const char* name, const char* value, int overwrite);
int spank_job_control_getenv(flurm::spank::Handle* handle, const char* name, char* buffer, int size);
int spank_job_control_unsetenv(flurm::spank::Handle* handle, const char* name);
void slurm_info(const char* format, ...) __attribute__((format(printf, 1, 2)));
void slurm_error(const char* format, ...) __attribute__((format(printf, 1, 2)));
void slurm_verbose(const char* format, ...) __attribute__((format(printf, 1, 2)));
void slurm_debug(const char* format, ...) __attribute__((format(printf, 1, 2)));
void slurm_debug2(const char* format, ...) __attribute__((format(printf, 1, 2)));
void slurm_debug3(const char* format, ...) __attribute__((format(printf, 1, 2)));
void slurm_spank_log(const char* format, ...) __attribute__((format(printf, 1, 2)));
}
