# Sentencepiece::sentencepiece, the static library that tools/setup.sh builds from the source package.
# Debian's shared one carries protobuf 3.14 symbols and crashes beside libprotobuf.so.32.
find_path(Sentencepiece_INCLUDE_DIR sentencepiece_processor.h)
find_library(Sentencepiece_LIBRARY NAMES libsentencepiece.a)
find_library(Sentencepiece_PROTOBUF_LITE protobuf-lite)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Sentencepiece
  REQUIRED_VARS Sentencepiece_LIBRARY Sentencepiece_INCLUDE_DIR Sentencepiece_PROTOBUF_LITE
  REASON_FAILURE_MESSAGE "run tools/setup.sh, or add a static sentencepiece 0.2.0 to CMAKE_PREFIX_PATH")
if(Sentencepiece_FOUND AND NOT TARGET Sentencepiece::sentencepiece)
  add_library(Sentencepiece::sentencepiece STATIC IMPORTED)
  set_target_properties(Sentencepiece::sentencepiece PROPERTIES
    IMPORTED_LOCATION ${Sentencepiece_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${Sentencepiece_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES ${Sentencepiece_PROTOBUF_LITE})
endif()
