"""CloudWatch's metric math, as far as the dashboard uses it; the emulator has none.

A time series is a dict of epoch seconds and values; anything else is a number.
"""

import ast
import operator
from datetime import UTC, datetime

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Eq: operator.eq,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


class MathError(Exception):
    """An expression that this does not know."""


def evaluate(expression, series, times):
    """The value of the expression over the named series; `times` are the periods of the graph."""
    functions = {
        "FILL": lambda values, filler: {time: values.get(time, filler) for time in times},
        "SUM": lambda values: sum(values.values()),
        "MAX": lambda values: max(values.values(), default=0),
        "MONTH": lambda values: {time: datetime.fromtimestamp(time, UTC).month for time in values},
        "YEAR": lambda values: {time: datetime.fromtimestamp(time, UTC).year for time in values},
        "IF": lambda test, yes, no: merge(lambda a, b, c: b if a else c, test, yes, no),
        "TIME_SERIES": lambda value: dict.fromkeys(times, value),
    }

    def value_of(node):
        match node:
            case ast.Expression(body=body):
                return value_of(body)
            case ast.Constant(value=int() | float() as value):
                return value
            case ast.Name(id=name) if name in series:
                return series[name]
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in functions:
                return functions[name](*map(value_of, arguments))
            case ast.BinOp(left=left, op=kind, right=right):
                return merge(OPERATORS[type(kind)], value_of(left), value_of(right))
            case ast.Compare(left=left, ops=[kind], comparators=[right]):
                return merge(OPERATORS[type(kind)], value_of(left), value_of(right))
        raise MathError(f"unknown in metric math: {ast.unparse(node)}")

    return value_of(ast.parse(expression, mode="eval"))


def merge(function, *operands):
    """The function of numbers, or of what the series have at the same time; a division by zero is no value."""
    several = [operand for operand in operands if isinstance(operand, dict)]
    if not several:
        return function(*operands)
    times = set.intersection(*(set(operand) for operand in several))
    result = {}
    for time in sorted(times):
        try:
            result[time] = function(*(operand[time] if isinstance(operand, dict) else operand for operand in operands))
        except ZeroDivisionError:
            continue
    return result
