//! How a loop is written once, in plain Rust that the compiler can vectorize, and compiled for several instruction sets; the
//! best one that the machine has is chosen when it runs.

macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis $name:ident, $body:ident, ($($arg:ident: $kind:ty),*) $(-> $out:ty)?) => {
        $(#[$doc])*
        $vis fn $name($($arg: $kind),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx2,fma")]
                fn wide($($arg: $kind),*) $(-> $out)? { $body::<true>($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn middle($($arg: $kind),*) $(-> $out)? { $body::<true>($($arg),*) }
                let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                if fma && is_x86_feature_detected!("avx512f") {
                    // SAFETY: the machine has the instructions that `wide` was compiled for.
                    return unsafe { wide($($arg),*) };
                }
                if fma {
                    // SAFETY: the machine has the instructions that `middle` was compiled for.
                    return unsafe { middle($($arg),*) };
                }
            }
            $body::<{ cfg!(target_arch = "aarch64") }>($($arg),*)
        }
    };
}

pub(super) use dispatch;

#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
pub(super) fn add_product<const FMA: bool>(a: f32, b: f32, sum: f32) -> f32 {
    // Without the instruction, the fused form is a call into a slow library routine.
    if FMA { a.mul_add(b, sum) } else { a * b + sum }
}

/// `e` to the power of `x` for `x` from -87 to 88, within two units in the last place.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the body must be compiled inside each instruction set's function")]
#[expect(clippy::excessive_precision, reason = "the two parts of ln 2 are meant digit by digit")]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // Adding and taking away 1.5 * 2^23 rounds to the nearest whole number in every instruction set.
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let whole = shifted - 12_582_912.0;
    let rest = add_product::<FMA>(whole, -0.693_359_375, x);
    let rest = add_product::<FMA>(whole, 2.121_944_4e-4, rest);
    let mut poly = 1.987_569_15e-4;
    for factor in [1.398_199_95e-3, 8.333_451_9e-3, 4.166_579_6e-2, 1.666_666_55e-1, 0.5] {
        poly = add_product::<FMA>(poly, rest, factor);
    }
    let value = add_product::<FMA>(poly, rest * rest, rest) + 1.0;
    // The whole number stands in the last bits of the shifted one; what stands before it is pushed out.
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    value * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_close_to_the_exact_ones() {
        for step in -8700..8800i16 {
            let x = f32::from(step) / 100.0;
            let exact = f64::from(x).exp();
            for found in [exp::<true>(x), exp::<false>(x)] {
                assert!(((f64::from(found) - exact) / exact).abs() < 3e-7, "{x}: {found} is not {exact}");
            }
        }
    }
}
