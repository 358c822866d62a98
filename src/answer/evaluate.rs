//! Computes what a formula comes to, for given values of its variables.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::ratio::Ratio;
use super::tree::{Constant, Function, Tree};
use super::value::{Complex, Value};

/// How much exact computing one formula is worth; then floating point has to do. A product of two numbers of 64 bits is 1.
const WORK: u64 = 100_000;

/// What a factorial or a binomial coefficient is taken to cost.
const PRODUCT_WORK: u64 = 2_000;

/// The largest number whose factorial is computed.
const LARGEST_FACTORIAL: i64 = 400;

/// Values of variables, and how much work is left.
pub(super) struct Setting<'a> {
    values: BTreeMap<&'a str, Value>,
    work: Cell<u64>,
}

impl<'a> Setting<'a> {
    pub(super) fn new(values: BTreeMap<&'a str, Value>) -> Self {
        Self { values, work: Cell::new(WORK) }
    }

    /// Returns what a formula comes to; nothing where it has no value or a variable none.
    pub(super) fn value(&self, tree: &Tree) -> Option<Value> {
        match tree {
            Tree::Number { value, .. } => Some(Value::Exact(value.clone())),
            Tree::Constant(constant) => constant_value(*constant),
            Tree::Variable(name) => self.values.get(name.as_str()).cloned(),
            Tree::Sum(terms) => self.fold(terms, Value::whole(0), Self::add),
            Tree::Product(factors) => self.fold(factors, Value::whole(1), Self::multiply),
            Tree::Negative(of) => Some(self.value(of)?.negated()),
            Tree::Inverse(of) => match self.value(of)? {
                Value::Exact(ratio) => ratio.inverse().map(Value::Exact),
                Value::Near(number) => Value::near(number.inverse()?),
                Value::Infinite { .. } => Some(Value::whole(0)),
            },
            Tree::Power(base, exponent) => self.power(&self.value(base)?, &self.value(exponent)?),
            Tree::Percent(of) => self.multiply(&self.value(of)?, &Value::Exact(Ratio::read("0.01", 0)?)),
            Tree::Degrees(of) => self.value(of),
            Tree::Function(function, of) => self.function(*function, of),
            _ => None,
        }
    }

    fn fold(
        &self,
        all: &[Tree],
        first: Value,
        join: impl Fn(&Self, &Value, &Value) -> Option<Value>,
    ) -> Option<Value> {
        all.iter().try_fold(first, |so_far, tree| join(self, &so_far, &self.value(tree)?))
    }

    /// Takes what an exact operation costs from what is left, and tells whether there was as much.
    fn affords(&self, one: &Ratio, two: &Ratio) -> bool {
        let limbs = (one.bits() + two.bits()) / 64 + 1;
        self.spends(limbs * limbs)
    }

    fn spends(&self, work: u64) -> bool {
        let left = self.work.get().checked_sub(work);
        self.work.set(left.unwrap_or(0));
        left.is_some()
    }

    fn exactly(
        &self,
        one: &Value,
        two: &Value,
        of: impl Fn(&Ratio, &Ratio) -> Option<Ratio>,
    ) -> Option<Value> {
        match (one, two) {
            (Value::Exact(one), Value::Exact(two)) if self.affords(one, two) => {
                of(one, two).map(Value::Exact)
            }
            _ => None,
        }
    }

    fn add(&self, one: &Value, two: &Value) -> Option<Value> {
        match (one, two) {
            (Value::Infinite { negative: one }, Value::Infinite { negative: two }) if one != two => None,
            (Value::Infinite { negative }, _) | (_, Value::Infinite { negative }) => {
                Some(Value::Infinite { negative: *negative })
            }
            _ => {
                self.exactly(one, two, Ratio::add).or_else(|| Value::near(one.complex()?.add(two.complex()?)))
            }
        }
    }

    fn multiply(&self, one: &Value, two: &Value) -> Option<Value> {
        match (one, two) {
            (Value::Infinite { negative }, other) | (other, Value::Infinite { negative }) => {
                let sign = other.to_f64()?;
                (sign != 0.0).then_some(Value::Infinite { negative: *negative != (sign < 0.0) })
            }
            _ => self
                .exactly(one, two, Ratio::multiply)
                .or_else(|| Value::near(one.complex()?.multiply(two.complex()?))),
        }
    }

    fn power(&self, base: &Value, exponent: &Value) -> Option<Value> {
        if let (Value::Exact(base), Value::Exact(exponent)) = (base, exponent) {
            // 8^(2/3) is 4: the root first, which keeps the numbers small.
            let (above, below) = exponent.parts();
            let degree = below.to_whole().and_then(|degree| u32::try_from(degree).ok());
            let root = degree.filter(|degree| *degree <= 64).and_then(|degree| match degree {
                1 => Some(base.clone()),
                _ => base.root(degree),
            });
            if let Some(exact) = root.zip(above.to_whole()).and_then(|(root, above)| root.power(above))
                && self.affords(&exact, &exact)
            {
                return Some(Value::Exact(exact));
            }
        }
        let (base, exponent) = (base.complex()?, exponent.complex()?);
        if exponent.im == 0.0 && exponent.re.fract() == 0.0 && exponent.re.abs() <= 64.0 {
            return Value::near(whole_power(base, exponent.re)?);
        }
        Value::near(base.power(exponent)?)
    }

    fn function(&self, function: Function, of: &[Tree]) -> Option<Value> {
        let mut values = of.iter().map(|tree| self.value(tree)).collect::<Option<Vec<Value>>>()?;
        if let (true, [Tree::Degrees(_)]) = (function.reads_angles(), of) {
            let angle = values.pop()?.complex()?.multiply(Complex::real(std::f64::consts::PI / 180.0));
            values.push(Value::near(angle)?);
        }
        if matches!(function, Function::Factorial | Function::Binomial) && !self.spends(PRODUCT_WORK) {
            return None;
        }
        match (function, values.as_slice()) {
            (Function::Root, [number, degree]) => self.root(number, degree),
            (Function::Logarithm, [number, base]) => self.logarithm(number, base),
            (Function::Binomial, [n, k]) => binomial(n, k),
            (Function::Absolute, [number]) => match number {
                Value::Exact(ratio) if ratio.is_negative() => Some(Value::Exact(ratio.negated())),
                Value::Exact(_) => Some(number.clone()),
                _ => Value::near(Complex {
                    re: number.complex()?.size(),
                    im: 0.0,
                    error: number.complex()?.error,
                }),
            },
            (Function::Floor, [number]) => floor(number),
            (Function::Ceiling, [number]) => Some(floor(&number.negated())?.negated()),
            (Function::Factorial, [Value::Exact(number)]) => factorial(number.to_whole()?),
            (Function::Greatest | Function::Least, [first, rest @ ..]) => {
                let better = |one: f64, two: f64| (one > two) == (function == Function::Greatest);
                let mut best = first;
                for value in rest {
                    best = if better(value.to_f64()?, best.to_f64()?) { value } else { best };
                }
                Some(best.clone())
            }
            (Function::CommonDivisor | Function::CommonMultiple, all) => common(function, all),
            (_, [number]) => Value::near(smooth(function, number.complex()?)?),
            _ => None,
        }
    }

    fn root(&self, number: &Value, degree: &Value) -> Option<Value> {
        let Value::Exact(degree) = degree else { return None };
        if let (Value::Exact(ratio), Some(degree)) = (number, degree.to_whole())
            && let Some(root) = ratio.root(u32::try_from(degree).ok()?)
        {
            return Some(Value::Exact(root));
        }
        // An odd root of a negative number is the real one, as everybody writes it.
        let odd = degree.to_whole().is_some_and(|degree| degree % 2 == 1);
        if odd && number.to_f64().is_some_and(|number| number < 0.0) {
            return Some(self.power(&number.negated(), &Value::Exact(degree.inverse()?))?.negated());
        }
        self.power(number, &Value::Exact(degree.inverse()?))
    }

    fn logarithm(&self, number: &Value, base: &Value) -> Option<Value> {
        let below = base.complex()?.logarithm()?;
        let found = number.complex()?.logarithm()?.multiply(below.inverse()?);
        // log₂ 8 is 3 and nothing near it.
        if let (Value::Exact(number), Value::Exact(base)) = (number, base)
            && let Some(whole) = nearest_whole(found)
            && self.affords(number, base)
            && base.power(whole).as_ref() == Some(number)
        {
            return Some(Value::whole(whole));
        }
        Value::near(found)
    }
}

fn constant_value(constant: Constant) -> Option<Value> {
    match constant {
        Constant::Pi => Value::real(std::f64::consts::PI),
        Constant::Euler => Value::real(std::f64::consts::E),
        Constant::Imaginary => Some(Value::Near(Complex { re: 0.0, im: 1.0, error: 0.0 })),
        Constant::Infinity => Some(Value::Infinite { negative: false }),
        Constant::Reals => None,
    }
}

fn nearest_whole(number: Complex) -> Option<i64> {
    let rounded = number.re.round();
    let near = number.is_real() && rounded.abs() <= 4096.0 && (number.re - rounded).abs() < 1e-6;
    near.then(|| (-4096..=4096).find(|whole| (f64::from(*whole) - rounded).abs() < 0.5).map(i64::from))?
}

/// Multiplies a number with itself: more exact than a logarithm, and real where the base is.
fn whole_power(base: Complex, exponent: f64) -> Option<Complex> {
    let mut power = Complex { re: 1.0, im: 0.0, error: 0.0 };
    let mut done = 0.0;
    while done < exponent.abs() {
        power = power.multiply(base);
        done += 1.0;
    }
    if exponent < 0.0 { power.inverse() } else { Some(power) }
}

fn floor(number: &Value) -> Option<Value> {
    match number {
        Value::Exact(ratio) => Some(Value::Exact(ratio.floor())),
        _ => Value::real(number.to_f64()?.floor()),
    }
}

fn factorial(number: i64) -> Option<Value> {
    (0..=LARGEST_FACTORIAL).contains(&number).then_some(())?;
    Ratio::falling(number, number).map(Value::Exact)
}

fn binomial(n: &Value, k: &Value) -> Option<Value> {
    let (Value::Exact(above), Value::Exact(below)) = (n, k) else {
        return None;
    };
    let (n, k) = (above.to_whole()?, below.to_whole()?);
    (0 <= k && k <= n).then_some(())?;
    let k = k.min(n - k);
    (k <= LARGEST_FACTORIAL).then_some(())?;
    Ratio::falling(n, k)?.divided_by(&Ratio::falling(k, k)?).map(Value::Exact)
}

fn common(function: Function, all: &[Value]) -> Option<Value> {
    let mut so_far: Option<i64> = None;
    for value in all {
        let Value::Exact(ratio) = value else { return None };
        let number = ratio.to_whole()?.checked_abs()?;
        so_far = Some(match so_far {
            None => number,
            Some(before) => {
                let divisor = greatest_divisor(before, number);
                let divides = function == Function::CommonDivisor;
                if divides { divisor } else { before.checked_div(divisor)?.checked_mul(number)? }
            }
        });
    }
    so_far.map(Value::whole)
}

fn greatest_divisor(mut one: i64, mut two: i64) -> i64 {
    while two != 0 {
        (one, two) = (two, one % two);
    }
    one
}

/// A function that is computed in floating point. Away from its poles an error grows by no more than the slope there.
fn smooth(function: Function, number: Complex) -> Option<Complex> {
    use Function as F;
    let turn = Complex { re: 0.0, im: 1.0, error: 0.0 };
    let half = Complex { re: 0.5, im: 0.0, error: 0.0 };
    let (up, down) = match function {
        F::Sine | F::Cosine | F::Tangent | F::Cotangent | F::Secant | F::Cosecant => {
            (number.multiply(turn).exponential(), number.multiply(turn).negated().exponential())
        }
        _ => (number.exponential(), number.negated().exponential()),
    };
    let sum = up.add(down).multiply(half);
    let difference = up.add(down.negated()).multiply(half);
    let real = |of: fn(f64) -> f64, slope: f64| {
        let inside = number.is_real().then(|| of(number.re)).filter(|found| found.is_finite())?;
        Some(Complex { re: inside, im: 0.0, error: number.error * slope + inside.abs() * f64::EPSILON })
    };
    let sine = difference.multiply(turn).negated();
    match function {
        F::Sine => Some(sine),
        F::Cosine | F::HyperbolicCosine => Some(sum),
        F::Tangent => Some(sine.multiply(sum.inverse()?)),
        F::Cotangent => Some(sum.multiply(sine.inverse()?)),
        F::Secant => sum.inverse(),
        F::Cosecant => sine.inverse(),
        F::Exponential => Some(up),
        F::HyperbolicSine => Some(difference),
        F::HyperbolicTangent => Some(difference.multiply(sum.inverse()?)),
        F::ArcTangent => real(f64::atan, 1.0),
        F::ArcSine => real(f64::asin, 1e3),
        F::ArcCosine => real(f64::acos, 1e3),
        _ => None,
    }
}
