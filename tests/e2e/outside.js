// Every point that a figure of the page draws outside the range of its axes, and how many figures there are.
() => {
  const points = [];
  const figures = [...document.querySelectorAll(".js-plotly-plot")];
  for (const figure of figures)
    for (const trace of figure._fullData) {
      if (trace.visible !== true || !trace.xaxis) continue;
      for (const letter of ["x", "y"]) {
        const name = trace[`${letter}axis`];
        const axis = figure._fullLayout[`${letter}axis${name.slice(1)}`];
        const [low, high] = [...axis.range].map(Number).sort((a, b) => a - b);
        for (const value of trace[letter] ?? []) {
          if (value === null) continue;
          const place = axis.d2l ? axis.d2r ? axis.r2l(axis.d2r(value)) : axis.d2l(value) : value;
          if (typeof place === "number" && Number.isFinite(place) && (place < low - 1e-6 || place > high + 1e-6))
            points.push(`${trace.name} ${letter} = ${value}, axis ${low} to ${high}`);
        }
      }
    }
  return { points, figures: figures.length };
}
