"""Workers: started, adopted, watched, told what to hold, and what they report."""
