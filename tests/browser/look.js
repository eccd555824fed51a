// Looks at a page as a careful reader would; returns {problems: [text], text: what is written on it}.
() => {
  const problems = [];
  const isShown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && element.getClientRects().length > 0;
  const name = (element) => {
    const text = (element.innerText || element.value || element.getAttribute("aria-label") || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}${element.name ? " name=" + element.name : ""}> ${text}`;
  };
  const scroller = (element) => element.closest(".scroll, #turns");

  // Nothing sticks out to the side.
  if (document.documentElement.scrollWidth > innerWidth) problems.push(`the page is ${document.documentElement.scrollWidth} wide`);

  const controls = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, audio")].filter(isShown);
  const boxes = controls.map((element) => [element, element.getBoundingClientRect()]);
  for (const [element, box] of boxes) {
    if (!scroller(element) && (box.left < -1 || box.right > innerWidth + 1)) problems.push(`sticks out: ${name(element)}`);
    // WCAG 2.2, 2.5.8: 24 px, except links in a text and what the browser draws.
    const isTarget = element.matches("button, a.button, select, textarea, input:not([type=checkbox], [type=radio])");
    if (isTarget && (box.width < 24 || box.height < 24)) problems.push(`too small (${Math.round(box.width)}x${Math.round(box.height)}): ${name(element)}`);
  }
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length; j++) {
      const [one, a] = boxes[i], [two, b] = boxes[j];
      if (one.contains(two) || two.contains(one) || scroller(one) !== scroller(two)) continue;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 1 && getComputedStyle(one).position !== "sticky" && getComputedStyle(two).position !== "sticky") {
        problems.push(`overlap: ${name(one)} and ${name(two)}`);
      }
    }
  }

  // Every field says what it is for.
  for (const element of controls.filter((one) => one.matches("input, select, textarea"))) {
    const isNamed = element.labels?.length || element.getAttribute("aria-label") || element.getAttribute("aria-labelledby");
    if (!isNamed) problems.push(`no label: ${name(element)}`);
  }
  for (const element of controls.filter((one) => one.matches("button, a"))) {
    if (!(element.innerText.trim() || element.getAttribute("aria-label"))) problems.push(`no name: ${name(element)}`);
  }

  // WCAG 2.1 AA, 1.4.3: 4.5 to 1, large text 3 to 1.
  const parsed = (colour) => {
    const found = colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return [found[0], found[1], found[2], found[3] ?? 1];
  };
  const over = (top, ground) => [0, 1, 2].map((i) => top[i] * top[3] + ground[i] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(parsed(getComputedStyle(one).backgroundColor));
    const base = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    return layers.reverse().reduce((below, layer) => over(layer, below), base);
  };
  const opacity = (element) => (element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1);
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => ((part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const written = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !isShown(element) || element.closest("script, style, option, :disabled")) continue;
    if (!element.closest("code, kbd, q, .said, [data-said]")) written.push(node.textContent.trim());
    const style = getComputedStyle(element);
    const below = ground(element), colour = parsed(style.color);
    const [a, b] = [light(over([...colour.slice(0, 3), colour[3] * opacity(element)], below)), light(below)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(1)}: ${name(element)}`);
    if (size < 11) problems.push(`letters of ${size.toFixed(1)} px: ${name(element)}`);
    if (style.overflowX === "hidden" && element.scrollWidth > element.clientWidth + 1) problems.push(`cut: ${name(element)}`);
  }
  return { problems: [...new Set(problems)], text: written.join(" \n") };
}
