"""The feedback hub: what could be better, from what people said to the proof that it got better.

collect (`subjects`, `suggestions`) → assign → act → measure again (`figure`) → close (`desk`). An
item is about something to mend and names nobody (`naming`).
"""
