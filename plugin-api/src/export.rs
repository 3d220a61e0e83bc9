//! The one macro that a connector calls.

/// Makes a library of a connector: exports it under the name that hosts look for, and writes its name and version into
/// the file's `.connector` section, where a host reads them without running anything.
///
/// Call it once, at the root of a crate with `crate-type = ["cdylib"]`.
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        #[cfg(not(panic = "unwind"))]
        compile_error!("a connector is built with panic = \"unwind\": a panic must not end the host");

        const _: () = {
            impl $crate::__export::Exported for $connector {
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");

                fn manifest() -> &'static [u8] {
                    &MANIFEST
                }
            }

            #[expect(unsafe_code, reason = "an exported symbol")]
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static ROOT: $crate::__export::Header = $crate::__export::header::<$connector>();

            const TEXT: &str = concat!(
                "connector=",
                env!("CARGO_PKG_NAME"),
                "\nversion=",
                env!("CARGO_PKG_VERSION"),
                "\nabi=",
                $crate::__export::abi_version!(),
                "\n"
            );
            #[expect(unsafe_code, reason = "a section of the file that hosts read before loading it")]
            #[used]
            #[unsafe(link_section = ".connector")]
            static MANIFEST: [u8; TEXT.len()] = *TEXT.as_bytes().first_chunk().unwrap();
        };

        /// A job of the connector in this very program, for measurements; a library does not hold it.
        #[doc(hidden)]
        pub fn __linked(job: $crate::Job) -> $crate::Result<$crate::__export::Linked> {
            $crate::__export::Linked::open::<$connector>(job)
        }
    };
}
