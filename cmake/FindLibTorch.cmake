# LibTorch::cpu, from the official zip or from the parts of the PyPI wheel that tools/setup.sh unpacks.
# The wheel's own TorchConfig.cmake is not used: it demands a CUDA toolkit even for a CPU program.
find_path(LibTorch_INCLUDE_DIR ATen/ATen.h PATHS ${_rerankd_libtorch_prefixes}
  PATH_SUFFIXES include libtorch/include)
find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${_rerankd_libtorch_prefixes} PATH_SUFFIXES lib libtorch/lib)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${_rerankd_libtorch_prefixes} PATH_SUFFIXES lib libtorch/lib)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run tools/setup.sh, or add the folder of a LibTorch to CMAKE_PREFIX_PATH")
if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  get_filename_component(_libdir ${LibTorch_CPU_LIBRARY} DIRECTORY)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_LIBRARY})
  add_library(LibTorch::cpu SHARED IMPORTED)
  # -idirafter: the folder also holds an old fmt and protobuf, which must lose against the system's.
  set_target_properties(LibTorch::cpu PROPERTIES
    IMPORTED_LOCATION ${LibTorch_CPU_LIBRARY}
    INTERFACE_COMPILE_OPTIONS "SHELL:-idirafter ${LibTorch_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES LibTorch::c10
    INTERFACE_LINK_OPTIONS "LINKER:-rpath-link,${_libdir}:${_libdir}/../../nvidia/cu13/lib")
endif()
