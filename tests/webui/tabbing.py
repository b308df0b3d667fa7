"""Through a page or a sheet by Tab alone: what cannot be come to, and where the focus is not to be seen."""

from playwright.sync_api import Page

MOST = 250  # presses of Tab: more than any screen needs

# What can be reached, as far as it is to be seen; of an open sheet only its own. Of radio buttons with one name the browser visits one.
REACHABLE = """() => {
    const within = document.querySelector('dialog[open]') ?? document
    const all = [...within.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
        .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.tabIndex >= 0 && !one.closest('[inert]'))
        .filter((one) => one.type !== 'radio' || one.checked || !document.querySelector(`input[name="${one.name}"]:checked`))
    all.forEach((one, index) => one.dataset.stop = index)
    return all.length
}"""
HERE = """() => {
    const one = document.activeElement
    if (!one || one === document.body) return null  // between the end of the page and its beginning
    const ringed = (node) => parseFloat(getComputedStyle(node).outlineWidth) >= 2 && getComputedStyle(node).outlineStyle !== 'none'
    const around = [one, one.matches('[role=listbox]') && document.querySelector('.row.at'), one.closest('search')]
    const box = one.getBoundingClientRect()
    return {
        stop: one.dataset.stop ?? '', html: one.outerHTML.slice(0, 160),
        seen: around.some((node) => node && ringed(node)) || one.type === 'date',  // whose parts the browser rings
        inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    }
}"""
MISSED = "left => left.map((stop) => document.querySelector(`[data-stop='${stop}']`)?.outerHTML.slice(0, 160))"


def walked(page: Page) -> list[str]:
    """Tab through all of the page, or of the sheet that lies open: what is wrong with a stop, and what was never come to."""
    left = {str(number) for number in range(page.evaluate(REACHABLE))}
    wrong: list[str] = []
    last = ""
    for _ in range(MOST):
        page.keyboard.press("Tab")
        here = page.evaluate(HERE)
        if here is None:
            continue
        if here["stop"] and here["stop"] not in left and here["stop"] != last:  # a date has several places within
            break
        last = here["stop"]
        left.discard(here["stop"])
        if not here["seen"]:
            wrong.append(f"the focus is not to be seen: {here['html']}")
        if not here["inside"]:
            wrong.append(f"the focus is out of sight: {here['html']}")
    missed = page.evaluate(MISSED, sorted(left))
    return wrong + [f"never reached: {one}" for one in missed if one]
